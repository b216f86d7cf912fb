/// A binary heap with the least on top.
public struct MinimumHeap<Item: Comparable> {
    @usableFromInline var items: [Item] = []

    @inlinable public init() {}

    @inlinable public mutating func insert(_ item: Item) {
        items.append(item)
        var index = items.count - 1
        while index > 0, items[(index - 1) / 2] > items[index] {
            items.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    @inlinable public mutating func removeMinimum() -> Item? {
        guard let minimum = items.first, let last = items.popLast() else { return nil }
        guard !items.isEmpty else { return minimum }
        items[0] = last
        var index = 0
        while true {
            var least = index
            for child in (2 * index + 1)...(2 * index + 2) where child < items.count && items[child] < items[least] {
                least = child
            }
            if least == index { return minimum }
            items.swapAt(index, least)
            index = least
        }
    }
}
