internal import Multimodal

/// Where every buffer of a plan lies, and what is done after the steps.
struct Layout {
    var buffers: [Buffer]
    /// Steps of every run, in order.
    var steps: [Step] = []
    /// Steps of compilation.
    var folded: [Step] = []
    /// Offsets in the arena, by buffer.
    var offsets: [Int?]
    var arenaByteCount = 0
    /// Bytes of workspace for all workers.
    var workspaceByteCount = 0
    /// Results that have to be copied to their parameters after each run.
    var updates: [(value: View, resident: Int)] = []
    var outputs: [(name: String, type: TensorType, view: View)] = []

    init(_ planner: Planner) throws {
        let graph = planner.graph
        for output in graph.outputs {
            outputs.append((output.name, graph[output.id].type, try planner.contiguous(output.id)))
        }
        var copied: [(value: View, resident: Int)] = []
        for update in graph.updates {
            let resident = try planner.view(update.parameter).buffer
            var value = try planner.contiguous(update.value)
            if case .resident = planner.buffers[value.buffer].place, value.buffer != resident {
                // Another parameter's old value: kept before it changes.
                let kept = planner.result(TensorType(value.dtype, Shape(value.shape)))
                planner.planCopy(value, to: kept, kind: "copy")
                value = kept
            }
            if value.buffer != resident { copied.append((value, resident)) }
        }
        buffers = planner.buffers
        offsets = [Int?](repeating: nil, count: buffers.count)
        steps = planner.steps.filter { !$0.isFolded }
        folded = Self.needed(
            planner.steps.filter(\.isFolded), by: steps, (outputs.map(\.view) + copied.map(\.value)).map(\.buffer))
        workspaceByteCount = (planner.steps.map(\.workspace).max() ?? 0) * planner.threads
        for update in copied where !writesInPlace(update.value, update.resident) { updates.append(update) }
        placeInArena()
    }

    /// Of the steps of compilation, those whose results somebody reads; one without results packs a weight.
    private static func needed(_ folded: [Step], by steps: [Step], _ results: [Int]) -> [Step] {
        var read = Set(steps.flatMap(\.reads) + results)
        var needed: [Step] = []
        for step in folded.reversed() where step.writes.isEmpty || !read.isDisjoint(with: step.writes) {
            needed.append(step)
            read.formUnion(step.reads)
        }
        return needed.reversed()
    }

    /// Lets the step that makes a parameter's new value write it over the old one, where nothing reads that afterwards.
    private mutating func writesInPlace(_ value: View, _ resident: Int) -> Bool {
        guard case .arena = buffers[value.buffer].place, value.offset == 0,
            buffers[value.buffer].byteCount == buffers[resident].byteCount,
            !outputs.contains(where: { $0.view.buffer == resident }),
            let writer = steps.firstIndex(where: { $0.writes.contains(value.buffer) }),
            steps.filter({ $0.writes.contains(value.buffer) }).count == 1
        else { return false }
        for (index, step) in steps.enumerated() where step.reads.contains(resident) {
            if index > writer { return false }
            if index == writer, !step.inPlace.contains(where: { $0.read == resident && $0.write == value.buffer }) {
                return false
            }
        }
        buffers[value.buffer].place = .alias(resident)
        return true
    }

    private func root(_ buffer: Int) -> Int {
        var buffer = buffer
        while case .alias(let other) = buffers[buffer].place { buffer = other }
        return buffer
    }

    private func isInArena(_ buffer: Int) -> Bool {
        if case .arena = buffers[buffer].place { true } else { false }
    }

    private mutating func placeInArena() {
        var lastUse = [Int](repeating: -1, count: buffers.count)
        for (index, step) in steps.enumerated() { for buffer in step.reads + step.writes { lastUse[buffer] = index } }
        for buffer in outputs.map(\.view.buffer) + updates.map(\.value.buffer) { lastUse[buffer] = steps.count }

        var arena = Arena()
        var ranges: [Int: Range<Int>] = [:]
        for (index, step) in steps.enumerated() {
            for buffer in step.writes where isInArena(buffer) && ranges[buffer] == nil {
                let dying = step.inPlace.first { pair in
                    let old = root(pair.read)
                    return pair.write == buffer && isInArena(old) && lastUse[old] == index && ranges[old] != nil
                        && buffers[old].byteCount == buffers[buffer].byteCount
                        && !step.reads.contains { $0 != pair.read && root($0) == old }
                        && !step.writes.contains { $0 != buffer && root($0) == old }
                }
                if let dying {
                    let old = root(dying.read)
                    buffers[buffer].place = .alias(old)
                    lastUse[old] = lastUse[buffer]
                } else {
                    ranges[buffer] = arena.allocate(buffers[buffer].byteCount)
                }
            }
            for buffer in Set((step.reads + step.writes).map { root($0) }) where lastUse[buffer] == index {
                if let range = ranges[buffer], isInArena(buffer) {
                    offsets[buffer] = range.lowerBound
                    ranges[buffer] = nil
                    arena.release(range)
                }
            }
        }
        for (buffer, range) in ranges { offsets[buffer] = range.lowerBound }
        arenaByteCount = arena.byteCount
    }

    /// Where a buffer really is, after what it is an alias of.
    func place(_ buffer: Int) -> (root: Int, place: Buffer.Place) {
        let root = root(buffer)
        return (root, buffers[root].place)
    }
}
