import CSanitizerProbes
import Testing

/// A sanitizer that reports nothing may be one that is not there: each must end a program that does what it looks for, in
/// C, in C++ and in Swift.
@Suite struct SanitizerTests {
    private static let notAddress: Comment = "built without the address sanitizer"
    private static let notUndefined: Comment = "built without the undefined behaviour sanitizer"
    private static let notThread: Comment = "built without the thread sanitizer"

    @Test("a read beyond an array in C ends the program", .enabled(if: sanitizer_of_addresses() == 1, notAddress))
    func readInC() async {
        await #expect(processExitsWith: .failure) { _ = probe_read_beyond_in_c(16) }
    }

    @Test("a read beyond an array in C++ ends the program", .enabled(if: sanitizer_of_addresses() == 1, notAddress))
    func readInCpp() async {
        await #expect(processExitsWith: .failure) { _ = probe_read_beyond_in_cpp(16) }
    }

    @Test(
        "a read beyond unsafe memory in Swift ends the program", .enabled(if: sanitizer_of_addresses() == 1, notAddress)
    )
    func readInSwift() async {
        await #expect(processExitsWith: .failure) {
            let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: 16)
            bytes.initialize(repeating: 1, count: 16)
            defer { bytes.deallocate() }
            if bytes[16 + Int(CommandLine.argc) - Int(CommandLine.argc)] > 200 { exitsWithoutReport() }
        }
    }

    @Test(
        "a signed overflow in C ends the program",
        .enabled(if: sanitizer_of_undefined_behavior() == 1, notUndefined))
    func overflow() async {
        await #expect(processExitsWith: .failure) { _ = probe_signed_overflow(CommandLine.argc) }
    }

    @Test("a race in C fails the program", .enabled(if: sanitizer_of_threads() == 1, notThread))
    func raceInC() async {
        await #expect(processExitsWith: .failure) { _ = probe_race() }
    }

    @Test("a race in Swift fails the program", .enabled(if: sanitizer_of_threads() == 1, notThread))
    func raceInSwift() async {
        await #expect(processExitsWith: .failure) {
            nonisolated(unsafe) var count = 0
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { for _ in 0..<1_000_000 { count &+= 1 } } }
            }
            if count < 0 { exitsWithoutReport() }
        }
    }
}

/// Keeps what was read from being left out.
@inline(never) private func exitsWithoutReport() {}
