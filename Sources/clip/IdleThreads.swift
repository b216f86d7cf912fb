#if canImport(Glibc)
    import Glibc

    extension Clip {
        /// Lets the idle threads of the OpenMP runtime, which oneDNN brings, wait a few microseconds for more work and then
        /// sleep, instead of spinning on.
        ///
        /// Spinning takes the processor from the other end of the pipe, and on a busy machine makes a short job several
        /// times slower; sleeping at once costs a wake-up at every step, a third of the time of a single picture. The
        /// runtime reads its policy from the environment when it is loaded, before any code of ours, so the program starts
        /// itself once more with it set. A policy of the user's is left as it is.
        static func sleepWhenIdle() {
            guard getenv("OMP_WAIT_POLICY") == nil, getenv("GOMP_SPINCOUNT") == nil else { return }
            setenv("GOMP_SPINCOUNT", "3000", 1)
            execv("/proc/self/exe", CommandLine.unsafeArgv)
            // Where it cannot start again, it goes on as it is.
        }
    }
#else
    extension Clip {
        static func sleepWhenIdle() {}
    }
#endif
