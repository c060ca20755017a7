import ContainerNetwork
import LinuxSystem
import Testing

func prefix(_ text: String) throws -> IPPrefix { try #require(IPPrefix(text)) }

func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

/// A network of the project "shop" with the given subnets.
func network(
    _ name: String,
    _ subnets: String...,
    change: (inout NetworkPlan) -> Void = { _ in }
) throws -> BridgeNetwork {
    var plan = NetworkPlan(name: name, project: "shop")
    plan.subnets = try subnets.map { .init(try prefix($0)) }
    plan.hasIPv6 = plan.subnets.contains { $0.prefix.family == .v6 }
    change(&plan)
    return try plan.decided(among: TakenNames(), pools: .standard())
}

/// Bytes written as hexadecimal digits, with spaces and line ends anywhere, and comments after "#".
func hex(_ text: String) -> [UInt8] {
    let digits = text.split(separator: "\n").flatMap { $0.prefix { $0 != "#" } }.filter { $0.isHexDigit }
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
}
