import YAML

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The one count of processors that everything takes which works on several: threads, jobs, training, backends.
public enum Processors {
    /// Those that this process may run on: of those that are switched on no more than its affinity and the quotas of its
    /// control groups allow, rounded up. Looked up once.
    public static let count: Int = {
        let limits = ProcessorLimits(root: "")
        return max(
            1, [sysconf(Int32(_SC_NPROCESSORS_ONLN)), limits.affinity, limits.quota].compactMap(\.self).min() ?? 1)
    }()
}

/// What Linux says of how many processors this process may use, in files; see proc(5), cgroups(7).
struct ProcessorLimits {
    /// In front of every path that is read; empty outside tests.
    let root: String

    /// Processors of the affinity mask, which containers' sets of processors narrow, too: `Cpus_allowed_list:	0-3,8`. Ones
    /// that are switched off may be among them. Nil where nothing says it.
    var affinity: Int? {
        let lines = lines("/proc/self/status")
        guard let line = lines.first(where: { $0.hasPrefix("Cpus_allowed_list:") }) else { return nil }
        var count = 0
        for range in line.drop(while: { $0 != ":" }).dropFirst().split(separator: ",") {
            let ends = range.split(separator: "-").map { Int($0.filter { !$0.isWhitespace }) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, last >= first else {
                return nil
            }
            count += last - first + 1
        }
        return count > 0 ? count : nil
    }

    /// Processors' worth of time that the process's own group and those above it allow; nil where none sets a limit.
    var quota: Int? {
        groups().flatMap { group in
            folders(group).compactMap { group.isUnified ? unified($0) : legacy($0) }
        }.min()
    }

    /// A group of the process, and where its hierarchy is mounted.
    private struct Group {
        var path: String
        /// The group that the mount point shows.
        var mountRoot = "/"
        var mountPoint: String
        var isUnified: Bool
    }

    /// From lines like `0::/user.slice` (version 2) and `4:cpu,cpuacct:/docker/1a2b` (version 1).
    private func groups() -> [Group] {
        let mounts = mounts()
        return lines("/proc/self/cgroup").compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            let isUnified = parts[1].isEmpty
            guard isUnified || parts[1].split(separator: ",").contains("cpu") else { return nil }
            let mount = mounts.first { $0.isUnified == isUnified }
            return Group(
                path: String(parts[2]), mountRoot: mount?.mountRoot ?? "/",
                mountPoint: mount?.mountPoint ?? (isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu"),
                isUnified: isUnified)
        }
    }

    /// The mounts of hierarchies that limit processors:
    /// `31 24 0:27 /docker/1a2b /sys/fs/cgroup/cpu ro,nosuid - cgroup cgroup rw,cpu,cpuacct`.
    private func mounts() -> [Group] {
        lines("/proc/self/mountinfo").compactMap { line in
            let fields = line.split(separator: " ").map(String.init)
            guard fields.count > 6, let dash = fields[6...].firstIndex(of: "-"), dash + 3 < fields.count else {
                return nil
            }
            let isUnified = fields[dash + 1] == "cgroup2"
            let controls = fields[dash + 1] == "cgroup" && fields[dash + 3].split(separator: ",").contains("cpu")
            guard isUnified || controls else { return nil }
            return Group(path: "", mountRoot: fields[3], mountPoint: fields[4], isUnified: isUnified)
        }
    }

    /// The group's folder and those above it, up to the mount point.
    private func folders(_ group: Group) -> [String] {
        var parts = group.path.split(separator: "/")
        let above = group.mountRoot.split(separator: "/")
        // A group outside what is mounted shows nothing but the mount point.
        parts = parts.starts(with: above) && !parts.contains("..") ? Array(parts.dropFirst(above.count)) : []
        return (0...parts.count).map { count in
            ([Substring(group.mountPoint)] + parts.prefix(count)).joined(separator: "/")
        }
    }

    /// `cpu.max`: "150000 100000", or "max 100000".
    private func unified(_ folder: String) -> Int? {
        let words = lines(folder + "/cpu.max").first?.split(separator: " ") ?? []
        return words.count == 2 ? processors(Int(words[0]), Int(words[1])) : nil
    }

    private func legacy(_ folder: String) -> Int? {
        func number(_ file: String) -> Int? { lines(folder + "/" + file).first.flatMap { Int($0) } }
        return processors(number("cpu.cfs_quota_us"), number("cpu.cfs_period_us"))
    }

    private func processors(_ quota: Int?, _ period: Int?) -> Int? {
        guard let quota, let period, quota > 0, period > 0 else { return nil }
        return quota / period + (quota % period == 0 ? 0 : 1)
    }

    private func lines(_ path: String) -> [Substring] {
        guard let bytes = try? readFile(root + path, limit: 1 << 22) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }
}
