package import OCISpec

/// A directory with a container's configuration: OCI Runtime Specification, "Filesystem Bundle".
package struct ContainerBundle: Sendable {
    /// The absolute path of the directory, or one in ours.
    package let directory: String
    /// What the configuration says.
    package let spec: RuntimeSpec
    /// The file word for word, which is JSON.
    let document: [UInt8]

    /// Reads `config.json` of a directory; a mistake is named with its place in the document.
    ///
    /// `configuration` is another name for the file, in the directory where it is not absolute.
    package init(_ directory: String, configuration: String? = nil) throws(ContainerError) {
        let name = configuration ?? "config.json"
        let path = name.hasPrefix("/") ? name : "\(directory)/\(name)"
        document = try SpecificationFile.bytes(path)
        spec = try SpecificationFile.decode(document, from: path)
        self.directory = directory
    }
}
