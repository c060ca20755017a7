/// A command that `--dry-run` may stand before: it can say what it would do, or does nothing to a project anyway.
protocol DryRunnable {}

extension Create: DryRunnable {}
extension Scale: DryRunnable {}
extension Up: DryRunnable {}

extension Config: DryRunnable {}
extension Events: DryRunnable {}
extension Images: DryRunnable {}
extension Logs: DryRunnable {}
extension Ls: DryRunnable {}
extension NetworkCommands.Inspect: DryRunnable {}
extension NetworkCommands.List: DryRunnable {}
extension Port: DryRunnable {}
extension Ps: DryRunnable {}
extension Pull: DryRunnable {}
extension Push: DryRunnable {}
extension RuntimePlan: DryRunnable {}
extension Stats: DryRunnable {}
extension Top: DryRunnable {}
extension Version: DryRunnable {}
extension VolumeCommands.List: DryRunnable {}
extension Volumes: DryRunnable {}
