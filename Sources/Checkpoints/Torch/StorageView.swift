import ModelGraph

/// Where a storage's bytes are.
enum StoragePlace {
    case record(ZipArchive.Record)
    case range(Range<Int>)

    var size: Int {
        switch self {
        case .record(let record): record.size
        case .range(let range): range.count
        }
    }
}

/// Where a tensor's values are in a storage: from an offset on, with a stride for each dimension. Checked to lie in it.
struct StorageView {
    var place: StoragePlace
    /// In elements, as are the strides.
    var offset: Int
    var strides: [Int]

    /// nil where the view leaves a storage of `count` elements.
    init?(_ tensor: TorchTensor, _ shape: Shape, count: Int, place: StoragePlace) {
        guard tensor.strides.count == shape.rank, tensor.offset >= 0 else { return nil }
        // A stride that is never taken may be any number: contiguous tensors must look contiguous all the same.
        let plain = shape.strides
        var strides = tensor.strides
        var last = tensor.offset
        for (axis, extent) in shape.dimensions.enumerated() {
            if extent == 1 { strides[axis] = plain[axis] }
            guard strides[axis] >= 0 else { return nil }
            let (distance, overflow) = (extent - 1).multipliedReportingOverflow(by: strides[axis])
            let (sum, overflow2) = last.addingReportingOverflow(distance)
            if overflow || overflow2 { return nil }
            last = sum
        }
        guard last < count else { return nil }
        self.place = place
        offset = tensor.offset
        self.strides = strides
    }

    /// Copies the values in row-major order from `source`, which begins at the view's first element.
    func gather(_ type: TensorType, from source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) {
        switch type.dtype.size {
        case 1: gather(UInt8.self, type.shape, source, target)
        case 2: gather(UInt16.self, type.shape, source, target)
        case 4: gather(UInt32.self, type.shape, source, target)
        default: gather(UInt64.self, type.shape, source, target)
        }
    }

    private func gather<Element: BitwiseCopyable>(
        _ element: Element.Type, _ shape: Shape, _ source: UnsafeRawBufferPointer,
        _ target: UnsafeMutableRawBufferPointer
    ) {
        let size = MemoryLayout<Element>.size
        var index = [Int](repeating: 0, count: shape.rank)
        var place = 0
        for position in 0..<shape.count {
            let value = source.loadUnaligned(fromByteOffset: place * size, as: element)
            target.storeBytes(of: value, toByteOffset: position * size, as: element)
            var axis = shape.rank - 1
            while axis >= 0 {
                index[axis] += 1
                place += strides[axis]
                if index[axis] < shape[axis] { break }
                place -= index[axis] * strides[axis]
                index[axis] = 0
                axis -= 1
            }
        }
    }
}
