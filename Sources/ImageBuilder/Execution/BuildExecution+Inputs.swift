import ImageStore
import LinuxSystem
import OCISpec
import Synchronization

extension BuildExecution {
    /// What is known of a step's inputs.
    ///
    /// With nil for `beginning` it has to be quick: other steps' files are not looked into, nobody is asked over the network,
    /// and nil is the answer when that is not enough.
    func identities(of step: BuildStep, _ beginning: StepBeginning?) throws -> [BuildInput.Identity]? {
        let isQuick = beginning == nil
        var identities: [BuildInput.Identity] = []
        for input in step.inputs {
            switch input {
            case .files(let selection):
                // A whole host is known by its path alone, and would take minutes to read.
                if let result = result(selection.source), isQuick || result.isHost {
                    identities.append(.result(result.key))
                } else {
                    do { identities.append(.content(try content(of: selection))) } catch let error as BuildError {
                        throw error.at(step.mark)
                    }
                }
            case .repository(let url):
                if isQuick && shared.repositories.known(url) == nil { return nil }
                let found = try shared.findRepository(url, as: inputs.settings, commit: nil)
                identities.append(.content(found.commit))
            case .download(let address):
                // Whether the server has something else now is a question that takes its time.
                if isQuick { return nil }
                let file = try shared.fetchFile(wish(address, checksum: nil, beginning))
                identities.append(.content(file.digest.rawValue))
            }
        }
        return identities
    }

    private func content(of selection: FileSelection) throws -> String {
        if let known = state.withLock({ $0.content[selection] }) { return known }
        let digest = try SelectionDigest.of(selection, in: try tree(selection.source), shared.digests)
        let text = String(digest.hexadecimal)
        state.withLock { $0.content[selection] = text }
        return text
    }

    /// The files of a context or of what a step has left.
    func tree(_ id: StepID) throws -> SourceTree {
        if let known = state.withLock({ $0.trees[id] }) { return known }
        let tree: SourceTree
        if case .context(let context) = plan[id].operation {
            tree = try inputs.openContext(context)
        } else {
            let filesystem = result(id)
            let directories = try filesystem?.directories() ?? []
            let subject = plan[id].stage.map { "stage \(label(ofStage: $0))" } ?? plan[id].title
            guard !directories.isEmpty else {
                throw BuildError(.notFound, "there is nothing in \(subject)")
            }
            let mount = try BuildOverlay.mount(directories)
            tree = SourceTree(mount.takeDescriptor(), isContext: false, subject: subject, keeping: filesystem)
        }
        return state.withLock { state in
            let first = state.trees[id] ?? tree
            state.trees[id] = first
            return first
        }
    }

    private func label(ofStage index: Int) -> String {
        plan.stages.first { $0.index == index }?.label ?? "\(index)"
    }

    /// What a step takes from an address, with its progress told as the step's own.
    func wish(_ address: String, checksum: ContentDigest?, _ beginning: StepBeginning?) -> FileWish {
        var wish = FileWish(address: address, checksum: checksum, settings: inputs.settings)
        if let beginning { wish.progress = { done, total in beginning.fetched(done, of: total) } }
        return wish
    }
}

/// The moment from which a step is shown: when something of it takes time, or is done.
final class StepBeginning: Sendable {
    private let step: BuildStep
    private let reporter: any BuildReporter
    private let announced = Mutex(false)

    init(_ step: BuildStep, _ reporter: any BuildReporter) {
        self.step = step
        self.reporter = reporter
    }

    /// Whether it has been told that the step has begun.
    var isAnnounced: Bool { announced.withLock { $0 } }

    /// Tells that the step has begun, once.
    func announce() {
        announced.withLock { announced in
            if !announced { reporter.began(step) }
            announced = true
        }
    }

    /// Tells how much of a file has come.
    func fetched(_ done: Int64, of total: Int64?) {
        announce()
        reporter.fetched(step, done, of: total)
    }
}
