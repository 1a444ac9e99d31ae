package grade

import "time"

// LimitBuilds gives the builds of submissions less than they usually have.
func (r *Runner) LimitBuilds(cpu time.Duration, memory, file, cache int64) {
	limits := defaultBuildLimits
	limits.cpu, limits.memory, limits.file, limits.cache = cpu, memory, file, cache
	r.builds = &limits
}

// CacheFull is what the cache program says at its limit.
const CacheFull = cacheFull

// HarmlessFlags is what of GOFLAGS builds of submissions know.
var HarmlessFlags = harmlessFlags
