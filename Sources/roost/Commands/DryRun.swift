/// A command that `--dry-run` may stand before: it can say what it would do, or does nothing to a project anyway.
protocol DryRunnable {}

extension Up: DryRunnable {}

extension Config: DryRunnable {}
extension Logs: DryRunnable {}
extension Ls: DryRunnable {}
extension Ps: DryRunnable {}
extension RuntimePlan: DryRunnable {}
extension Version: DryRunnable {}
