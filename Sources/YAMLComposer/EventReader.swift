import CLibYAML

/// Reads the events of a YAML text from libyaml.
struct EventReader: ~Copyable {
    /// One step of a document.
    enum Event {
        case streamEnd
        case documentStart
        case documentEnd
        case alias(String)
        case scalar(text: String, tag: String?, plain: Bool, anchor: String?)
        case sequenceStart(tag: String?, anchor: String?)
        case mappingStart(tag: String?, anchor: String?)
        case collectionEnd
    }

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>
    private let source: SourceFile
    /// Where lines start, when YAML ends lines where text tools do not.
    private let lines: CharacterLines?

    /// A reader of the text of `source`.
    init(_ source: SourceFile) {
        self.source = source
        lines = CharacterLines(of: source.bytes)
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        // libyaml reads from the buffer until the reader ends, so the reader owns a copy.
        input = .allocate(capacity: max(source.bytes.count, 1))
        _ = input.initialize(from: source.bytes)
        yaml_parser_initialize(parser)
        yaml_parser_set_input_string(parser, input.baseAddress, source.bytes.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    /// The next event and its place.
    func next() throws(Diagnostic) -> (Event, SourceMark) {
        var event = yaml_event_t()
        repeat {
            guard yaml_parser_parse(parser, &event) == 1 else { throw problem() }
        } while event.type == YAML_STREAM_START_EVENT || event.type == YAML_NO_EVENT
        defer { yaml_event_delete(&event) }
        let mark = mark(event.start_mark)
        switch event.type {
        case YAML_STREAM_END_EVENT: return (.streamEnd, mark)
        case YAML_DOCUMENT_START_EVENT: return (.documentStart, mark)
        case YAML_DOCUMENT_END_EVENT: return (.documentEnd, mark)
        case YAML_ALIAS_EVENT: return (.alias(text(event.data.alias.anchor) ?? ""), mark)
        case YAML_SCALAR_EVENT: return (scalar(event.data.scalar), mark)
        case YAML_SEQUENCE_START_EVENT:
            let start = event.data.sequence_start
            return (.sequenceStart(tag: text(start.tag), anchor: text(start.anchor)), mark)
        case YAML_MAPPING_START_EVENT:
            let start = event.data.mapping_start
            return (.mappingStart(tag: text(start.tag), anchor: text(start.anchor)), mark)
        default: return (.collectionEnd, mark)
        }
    }

    private func scalar(_ scalar: yaml_event_s.__Unnamed_union_data.__Unnamed_struct_scalar) -> Event {
        let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
        return .scalar(
            text: String(decoding: bytes, as: UTF8.self),
            tag: text(scalar.tag),
            plain: scalar.style == YAML_PLAIN_SCALAR_STYLE,
            anchor: text(scalar.anchor)
        )
    }

    private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    private func mark(_ mark: yaml_mark_t) -> SourceMark {
        let place = lines?.place(of: mark.index) ?? (line: mark.line + 1, column: mark.column + 1)
        return SourceMark(file: source, line: place.line, column: place.column)
    }

    private func problem() -> Diagnostic {
        let message = parser.pointee.problem.map { String(cString: $0) } ?? "the text is not YAML"
        guard parser.pointee.error != YAML_READER_ERROR else { return readerProblem(message) }
        var place = mark(parser.pointee.problem_mark)
        // A mark at the very end points past the last line: the context is where the mistake began.
        if source.line(place.line) == nil && parser.pointee.context != nil { place = mark(parser.pointee.context_mark) }
        return Diagnostic(message, at: place, hint: hint(message, line: source.line(place.line) ?? ""))
    }

    /// What is wrong most often when libyaml says so.
    private func hint(_ message: String, line: String) -> String? {
        switch message {
        case _ where message.contains("cannot start any token") && line.contains("\t"):
            "YAML is indented with spaces, not with tabs"
        case "mapping values are not allowed in this context":
            "the line before may lack a colon, or a value that has a colon in it its quotes"
        case "could not find expected ':'": "after a key stand a colon and a blank"
        case "did not find expected key", "did not find expected '-' indicator":
            "look at the indentation: what belongs together starts in the same column"
        default: nil
        }
    }

    private func readerProblem(_ message: String) -> Diagnostic {
        let offset = min(Int(parser.pointee.problem_offset), source.bytes.count)
        let before = source.bytes[..<offset]
        let line = before.reduce(1) { $0 + ($1 == 0x0A ? 1 : 0) }
        let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        let column = String(decoding: before[start...], as: UTF8.self).unicodeScalars.count + 1
        return Diagnostic(
            message,
            at: SourceMark(file: source, line: line, column: column),
            hint: "save the file as UTF-8 text"
        )
    }
}
