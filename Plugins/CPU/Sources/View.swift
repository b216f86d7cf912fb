internal import Multimodal

/// Where a node's values lie: part of a buffer, read with strides (in elements).
struct View: Hashable {
    var buffer: Int
    var offset: Int
    var shape: [Int]
    var strides: [Int]
    var dtype: DType

    init(buffer: Int, type: TensorType) {
        self.buffer = buffer
        offset = 0
        shape = type.shape.dimensions
        strides = type.shape.strides
        dtype = type.dtype
    }

    var count: Int { shape.reduce(1, *) }
    var byteOffset: Int { offset * dtype.size }

    /// Row-major without gaps. The stride of an extent of one does not matter.
    var isContiguous: Bool {
        zip(shape, zip(strides, Shape(shape).strides)).allSatisfy { $0 == 1 || $1.0 == $1.1 }
    }

    func transposed(_ permutation: [Int]) -> View {
        var view = self
        view.shape = permutation.map { shape[$0] }
        view.strides = permutation.map { strides[$0] }
        return view
    }

    func broadcast(to target: [Int]) -> View {
        var view = self
        let padding = target.count - shape.count
        view.shape = target
        view.strides = target.indices.map { axis in
            axis < padding || shape[axis - padding] == 1 ? 0 : strides[axis - padding]
        }
        return view
    }

    func sliced(axis: Int, _ range: Range<Int>) -> View {
        var view = self
        view.offset += range.lowerBound * strides[axis]
        view.shape[axis] = range.count
        return view
    }

    /// The same elements in the same order under another shape, or nil where strides cannot say that.
    func reshaped(to target: [Int]) -> View? {
        let (extents, steps) = Self.collapsed(shape, [strides])
        var strides = [Int](repeating: 0, count: target.count)
        var axis = target.count - 1
        for (extent, stride) in zip(extents, steps[0]).reversed() {
            var covered = 1
            while covered < extent {
                guard axis >= 0, extent % (covered * target[axis]) == 0 else { return nil }
                strides[axis] = stride * covered
                covered *= target[axis]
                axis -= 1
            }
        }
        var view = self
        view.shape = target
        view.strides = strides
        return view
    }

    /// Extents of one left out and neighbours joined wherever all of `strides` allow it.
    static func collapsed(_ shape: [Int], _ strides: [[Int]]) -> (extents: [Int], strides: [[Int]]) {
        var extents: [Int] = []
        var result = [[Int]](repeating: [], count: strides.count)
        for (axis, extent) in shape.enumerated() where extent != 1 {
            let joins =
                !extents.isEmpty
                && strides.indices.allSatisfy {
                    result[$0][extents.count - 1] == strides[$0][axis] * extent
                }
            if joins {
                extents[extents.count - 1] *= extent
                for index in strides.indices { result[index][extents.count - 1] = strides[index][axis] }
            } else {
                extents.append(extent)
                for index in strides.indices { result[index].append(strides[index][axis]) }
            }
        }
        return (extents, result)
    }
}
