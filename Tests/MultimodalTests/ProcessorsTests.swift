import TestSupport
import Testing

@testable import Multimodal

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What may be used of the machine, read below a made-up root.
@Suite struct ProcessorsTests {
    private static let unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    private static let legacy =
        "31 24 0:27 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
        + "33 24 0:29 /docker/1a2b /sys/fs/cgroup/cpu,cpuacct ro,nosuid - cgroup cgroup rw,cpu,cpuacct\n"

    struct Case: CustomTestStringConvertible {
        var testDescription: String
        var group: String
        var mounts: String
        var files: [String: String]
        var quota: Int?
    }

    static let cases = [
        Case(
            testDescription: "no limit", group: "0::/\n", mounts: unified,
            files: ["sys/fs/cgroup/cpu.max": "max 100000\n"], quota: nil),
        Case(testDescription: "nothing to read", group: "", mounts: "", files: [:], quota: nil),
        Case(
            testDescription: "one and a half, rounded up", group: "0::/\n", mounts: unified,
            files: ["sys/fs/cgroup/cpu.max": "150000 100000\n"], quota: 2),
        Case(
            testDescription: "half of one is one", group: "0::/\n", mounts: unified,
            files: ["sys/fs/cgroup/cpu.max": "50000 100000\n"], quota: 1),
        Case(
            testDescription: "its own group, not the root's", group: "0::/user.slice/job\n", mounts: unified,
            files: ["sys/fs/cgroup/user.slice/job/cpu.max": "300000 100000\n"], quota: 3),
        Case(
            testDescription: "a group above it allows less", group: "0::/user.slice/job\n", mounts: unified,
            files: [
                "sys/fs/cgroup/user.slice/job/cpu.max": "300000 100000\n",
                "sys/fs/cgroup/user.slice/cpu.max": "200000 100000\n",
            ], quota: 2),
        Case(
            testDescription: "another group's limit is none of it", group: "0::/a\n", mounts: unified,
            files: ["sys/fs/cgroup/a/cpu.max": "max 100000\n", "sys/fs/cgroup/b/cpu.max": "100000 100000\n"],
            quota: nil),
        Case(
            testDescription: "version 1, where the mount shows the container's group",
            group: "5:memory:/docker/1a2b\n4:cpu,cpuacct:/docker/1a2b\n", mounts: legacy,
            files: [
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "400000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            ], quota: 4),
        Case(
            testDescription: "version 1, a group inside the container's", group: "4:cpu,cpuacct:/docker/1a2b/x\n",
            mounts: legacy,
            files: [
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n",
            ], quota: 3),
        Case(
            testDescription: "version 1 without a limit", group: "4:cpu:/\n", mounts: legacy,
            files: [
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            ], quota: nil),
        Case(
            testDescription: "both versions: the smaller", group: "4:cpu,cpuacct:/docker/1a2b\n0::/\n",
            mounts: unified + legacy,
            files: [
                "sys/fs/cgroup/cpu.max": "500000 100000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "200000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            ], quota: 2),
        Case(
            testDescription: "no list of mounts: the usual place", group: "0::/\n", mounts: "",
            files: ["sys/fs/cgroup/cpu.max": "100000 100000\n"], quota: 1),
        Case(
            testDescription: "a group outside of what is mounted", group: "0::/../outside\n", mounts: unified,
            files: ["sys/fs/cgroup/cpu.max": "100000 100000\n"], quota: 1),
        Case(
            testDescription: "what is no number sets no limit", group: "0::/\n", mounts: unified,
            files: ["sys/fs/cgroup/cpu.max": "many 0\n"], quota: nil),
    ]

    @Test("a quota is that of the process's own group and of those above it, rounded up", arguments: cases)
    func quota(_ given: Case) throws {
        let root = try temporaryFolder()
        var files = given.files
        files["proc/self/cgroup"] = given.group
        files["proc/self/mountinfo"] = given.mounts
        for (path, text) in files { try place(text, at: root + "/" + path) }
        #expect(ProcessorLimits(root: root).quota == given.quota)
    }

    @Test(
        "affinity is the list of processors that the system allows",
        arguments: [
            ("0-3,8", 5), ("0", 1), ("0-127", 128), ("1,3,5", 3), ("", nil), ("many", nil), ("3-1", nil),
            ("0-1-2", nil),
        ] as [(String, Int?)])
    func affinity(list: String, count: Int?) throws {
        let root = try temporaryFolder()
        try place(
            "Name:\tclip\nCpus_allowed:\t3\nCpus_allowed_list:\t\(list)\nMems_allowed_list:\t0\n",
            at: root + "/proc/self/status")
        #expect(ProcessorLimits(root: root).affinity == count)
    }

    @Test("there is a processor, and no more than the machine has")
    func here() { #expect((1...sysconf(Int32(_SC_NPROCESSORS_ONLN))).contains(Processors.count)) }
}
