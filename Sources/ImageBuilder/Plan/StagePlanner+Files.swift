import ComposeModel
import OCISpec

extension StagePlanner {
    mutating func plan(workdir word: Dockerfile.Word) {
        guard let text = expanded(word) else { return }
        guard !text.isEmpty else { return error("the directory is empty: \(word.text)", at: word.position) }
        if !state.hasWorkingDirectory && !text.hasPrefix("/") {
            draft.report.found(
                .workdirRelativePath,
                "where \(text) is depends on the base image",
                at: word.position,
                instruction.statement.checks
            )
        }
        state.hasWorkingDirectory = true
        let path = PathText.absolute(text, in: state.workingDirectory)
        state.process.workingDirectory = path
        guard path != "/" else { return remember("WORKDIR /") }
        let step = add(.directory(DirectoryOperation(path: path, owner: state.user)), title: "WORKDIR \(path)")
        remember("WORKDIR \(path)", step: step)
    }

    mutating func plan(_ copy: Instruction.Copy) {
        var operation = transfer(copy.transfer, unpacking: .never)
        operation?.keepsParents = copy.keepsParents
        guard var operation, let source = source(of: copy.from, mayBeNumber: true) else { return }
        if source.step == nil, let from = copy.from {
            return error("\(from.text) has no files", at: from.position)
        }
        for case .path(let word) in copy.transfer.sources {
            guard let text = expanded(word) else { return }
            guard let files = files(text, word, from: source, copy.transfer, keepsParents: copy.keepsParents) else {
                return
            }
            operation.sources.append(.files(files))
        }
        finish(operation, copy.transfer, keyword: "COPY")
    }

    mutating func plan(_ add: Instruction.Add) {
        let unpacking: CopyOperation.Unpacking =
            switch add.unpacks {
            case nil: .local
            case true?: .always
            case false?: .never
            }
        guard var operation = transfer(add.transfer, unpacking: unpacking) else { return }
        var checksum: String?
        if let word = add.checksum {
            guard let text = expanded(word) else { return }
            checksum = text
        }
        for case .path(let word) in add.transfer.sources {
            guard let text = expanded(word) else { return }
            if DockerfileParser.isRemote(text) {
                guard let remote = remote(text, word, add, checksum: checksum) else { return }
                operation.sources.append(remote)
            } else {
                if let place = add.checksum?.position {
                    return error("--checksum goes with an address, and the source is a path", at: place)
                }
                guard let context = source(of: nil, mayBeNumber: false),
                    let files = files(text, word, from: context, add.transfer, keepsParents: false)
                else { return }
                operation.sources.append(.files(files))
            }
        }
        finish(operation, add.transfer, keyword: "ADD")
    }

    /// What COPY and ADD have in common, without their paths.
    private mutating func transfer(
        _ transfer: Instruction.Transfer,
        unpacking: CopyOperation.Unpacking
    ) -> CopyOperation? {
        guard let destination = expanded(transfer.destination) else { return nil }
        var operation = CopyOperation(
            sources: [],
            destination: PathText.absolute(destination, in: state.workingDirectory),
            isIntoDirectory: transfer.sources.count > 1 || Self.namesDirectory(destination),
            owner: nil,
            mode: nil,
            keepsParents: false,
            isLinked: transfer.isLink,
            unpacking: unpacking
        )
        if let word = transfer.chown {
            guard let owner = expanded(word) else { return nil }
            operation.owner = owner.isEmpty ? nil : owner
        }
        if let word = transfer.chmod {
            guard let text = expanded(word) else { return nil }
            guard text.isEmpty || ModeChange(text) != nil else {
                error(DockerfileParser.noMode(text), at: word.position)
                return nil
            }
            operation.mode = ModeChange(text)
        }
        return operation
    }

    /// Whether a destination is a directory by its form.
    private static func namesDirectory(_ path: String) -> Bool {
        path.isEmpty || path.hasSuffix("/") || path == "." || path == ".." || path.hasSuffix("/.")
            || path.hasSuffix("/..")
    }

    private mutating func files(
        _ path: String,
        _ word: Dockerfile.Word,
        from source: (step: StepID?, isContext: Bool),
        _ transfer: Instruction.Transfer,
        keepsParents: Bool
    ) -> FileSelection? {
        guard let step = source.step else { return nil }
        var (base, pattern) = ("", path)
        // With --parents, "/./" says where the part begins that is kept.
        if keepsParents, let pivot = path.firstRange(of: "/./") {
            base = String(path[..<pivot.lowerBound])
            pattern = String(path[pivot.upperBound...])
        }
        let selection = FileSelection(
            source: step,
            base: PathText.belowRoot(base),
            pattern: PathText.belowRoot(pattern),
            wildcards: keepsParents ? .acrossParts : .withinParts,
            excludes: transfer.excludes.map(\.text),
            honoursIgnoreFile: source.isContext
        )
        do throws(PathPattern.Malformed) {
            _ = try SourceGlob(selection.base)
            if keepsParents { _ = try PathPattern(selection.pattern) } else { _ = try SourceGlob(selection.pattern) }
        } catch {
            self.error("\"\(path)\" is no pattern: \(error.message)", at: word.position)
            return nil
        }
        checkIgnored(selection, word)
        return selection
    }

    private mutating func checkIgnored(_ selection: FileSelection, _ word: Dockerfile.Word) {
        let rules = draft.planner.ignoreRules
        guard case .context(.main) = draft.steps[selection.source.rawValue].operation, !rules.hasExceptions else {
            return
        }
        let path = PathText.belowRoot("\(selection.base)/\(selection.pattern)")
        guard rules.excludes(path) else { return }
        draft.report.found(
            .copyIgnoredFile,
            "the ignore file leaves out \(path)",
            at: word.position,
            instruction.statement.checks
        )
    }

    private mutating func remote(
        _ text: String,
        _ word: Dockerfile.Word,
        _ add: Instruction.Add,
        checksum: String?
    ) -> CopyOperation.Source? {
        if RepositoryAddress.isOne(text) {
            let isCommit = checksum.map { (1...64).contains($0.count) && $0.allSatisfy(\.isHexDigit) } ?? true
            guard isCommit else {
                error(
                    "the checksum of a repository is a commit, or the first digits of one",
                    at: add.checksum?.position ?? word.position
                )
                return nil
            }
            return .git(
                url: text,
                commit: checksum?.lowercased(),
                keepsGitDirectory: add.keepsGitDirectory ?? false,
                excludes: add.transfer.excludes.map(\.text)
            )
        }
        var digest: ContentDigest?
        if let checksum {
            digest = ContentDigest(rawValue: checksum)
            guard digest != nil else {
                error(
                    "\"\(checksum)\" is no checksum: write sha256: and 64 digits",
                    at: add.checksum?.position ?? word.position
                )
                return nil
            }
        }
        return .download(url: text, checksum: digest)
    }

    private mutating func finish(_ operation: CopyOperation, _ transfer: Instruction.Transfer, keyword: String) {
        var operation = operation
        for case .heredoc(let heredoc) in transfer.sources {
            var content = heredoc.text
            if heredoc.expands {
                var expansion = expansion(escape: "\\", quoting: .ignored)
                do throws(Expansion.Failure) { content = try expansion.word(content) } catch {
                    return self.error(error.message, at: heredoc.position)
                }
                tellUndefined(expansion.missing, at: heredoc.position)
            }
            operation.sources.append(.text(name: PathText.lastPart(heredoc.name), content: content))
        }
        let step = add(.copy(operation), title: title)
        var parts = [keyword]
        if operation.keepsParents { parts.append("--parents") }
        if let owner = operation.owner { parts.append("--chown=\(owner)") }
        if let mode = operation.mode { parts.append("--chmod=\(mode)") }
        for source in operation.sources {
            switch source {
            case .files(let files):
                parts.append(PathText.belowRoot("\(files.base)/\(files.pattern)"))
                if parts[parts.count - 1].isEmpty { parts[parts.count - 1] = "." }
            case .text(let name, _): parts.append("<<\(name)")
            case .download(let url, _), .git(let url, _, _, _): parts.append(url)
            }
        }
        remember((parts + [operation.destination]).joined(separator: " "), step: step)
    }
}
