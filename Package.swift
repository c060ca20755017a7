// swift-tools-version: 6.2
import PackageDescription

let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]
/// Everywhere but in the targets whose job is to touch foreign memory, an unmarked unsafe pointer does not compile.
let memorySafe: [SwiftSetting] = common + [.strictMemorySafety()]
let strictC: [CSetting] = [
    .define("_GNU_SOURCE"),
    .enableWarning("all"),
    .enableWarning("extra"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "roost",
    products: [.executable(name: "roost", targets: ["roost"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    ],
    targets: [
        .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),

        .target(name: "CLinux", cSettings: strictC),
        .target(name: "LinuxSystem", dependencies: ["CLinux"], swiftSettings: common),
        .target(name: "OCISpec", swiftSettings: memorySafe),
        .target(
            name: "ContainerRuntime",
            dependencies: ["OCISpec", "LinuxSystem", "CSeccomp", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: common
        ),
        .target(
            name: "ContainerNetwork",
            dependencies: [
                "CLinux", "LinuxSystem", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: common
        ),
        .target(
            name: "ImageStore",
            dependencies: ["OCISpec", "LinuxSystem", "CArchive", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: common
        ),
        .target(
            name: "RegistryClient",
            dependencies: [
                "OCISpec", "ImageStore", "LinuxSystem",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: common
        ),
        .target(
            name: "ImageBuilder",
            dependencies: [
                "CLinux", "ComposeModel", "ContainerNetwork", "ContainerRuntime", "ImageStore", "LinuxSystem",
                "OCISpec",
                "YAMLComposer",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: common
        ),
        .target(name: "YAMLComposer", dependencies: ["CLibYAML"], swiftSettings: common),
        .target(
            name: "ComposeModel",
            dependencies: ["YAMLComposer", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: memorySafe
        ),
        .target(
            name: "Orchestrator",
            dependencies: [
                "ComposeModel", "ContainerNetwork", "ContainerRuntime", "ImageStore", "LinuxSystem", "OCISpec",
                "YAMLComposer", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: memorySafe
        ),
        .target(
            name: "Supervisor",
            dependencies: [
                "ComposeModel",
                "Orchestrator",
                "CLinux",
                "LinuxSystem",
                "OCISpec",
                "YAMLComposer",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: common
        ),
        .target(
            name: "TerminalOutput",
            dependencies: ["ComposeModel", "ImageBuilder", "LinuxSystem", "OCISpec", "Orchestrator", "Supervisor"],
            swiftSettings: memorySafe
        ),
        .executableTarget(
            name: "roost",
            dependencies: [
                "ComposeModel",
                "ContainerRuntime",
                "ImageBuilder",
                "ImageStore",
                "LinuxSystem",
                "OCISpec",
                "Orchestrator",
                "RegistryClient",
                "Supervisor",
                "TerminalOutput",
                "YAMLComposer",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: memorySafe
        ),

        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: common),
        .testTarget(
            name: "LinuxSystemTests",
            dependencies: ["CLinux", "LinuxSystem", "TestSupport"],
            swiftSettings: common
        ),
        .testTarget(
            name: "ContainerRuntimeTests",
            dependencies: ["ContainerRuntime", "LinuxSystem", "OCISpec", "TestSupport"],
            swiftSettings: common
        ),
        .testTarget(
            name: "ContainerNetworkTests",
            dependencies: ["ContainerNetwork", "LinuxSystem"],
            swiftSettings: common
        ),
        .testTarget(
            name: "ImageStoreTests",
            dependencies: ["ImageStore", "LinuxSystem", "OCISpec"],
            swiftSettings: common
        ),
        .testTarget(
            name: "ImageBuilderTests",
            dependencies: ["ImageBuilder", "LinuxSystem", "OCISpec", "TestSupport", "YAMLComposer"],
            swiftSettings: common
        ),
        .testTarget(
            name: "KernelTests",
            dependencies: [
                "CLinux", "ContainerNetwork", "ContainerRuntime", "ImageStore", "LinuxSystem", "OCISpec", "roost",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: common
        ),
        .testTarget(
            name: "ThreatTests",
            dependencies: [
                "CLinux", "ContainerNetwork", "ContainerRuntime", "ImageStore", "LinuxSystem", "OCISpec", "TestSupport",
                "roost",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: common
        ),
        .testTarget(
            name: "RegistryClientTests",
            dependencies: [
                "ImageStore", "LinuxSystem", "OCISpec", "RegistryClient", "roost",
                .product(name: "Crypto", package: "swift-crypto"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: common
        ),
        .testTarget(name: "YAMLComposerTests", dependencies: ["YAMLComposer"], swiftSettings: common),
        .testTarget(
            name: "ComposeModelTests",
            dependencies: ["ComposeModel"],
            exclude: ["BrokenFiles"],
            swiftSettings: common
        ),
        .testTarget(
            name: "ConformanceTests",
            dependencies: ["CArchive", "ComposeModel", "TestSupport", "YAMLComposer", "roost"],
            exclude: ["README.md", "cases.tar.xz", "licences"],
            swiftSettings: common
        ),
        .testTarget(
            name: "OrchestratorTests",
            dependencies: ["ComposeModel", "Orchestrator", "TestSupport"],
            swiftSettings: common
        ),
        .testTarget(
            name: "CommandLineTests",
            dependencies: [
                "ContainerRuntime", "LinuxSystem", "OCISpec", "Orchestrator", "Supervisor", "TestSupport", "roost",
            ],
            swiftSettings: common
        ),
        .testTarget(
            name: "SupervisorTests",
            dependencies: ["CLinux", "LinuxSystem", "OCISpec", "Orchestrator", "Supervisor"],
            swiftSettings: common
        ),
        .testTarget(
            name: "TerminalOutputTests",
            dependencies: [
                "CLinux", "ImageBuilder", "LinuxSystem", "OCISpec", "Orchestrator", "Supervisor", "TerminalOutput",
            ],
            swiftSettings: common
        ),
        .testTarget(
            name: "ScenarioTests",
            dependencies: ["CLinux", "ContainerNetwork", "LinuxSystem", "roost"],
            swiftSettings: common
        ),
    ],
    cLanguageStandard: .gnu17
)
