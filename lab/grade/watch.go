package grade

import (
	"fmt"
	"os"
	"time"

	"github.com/labkv/labkv/lab/course"
)

// realTime is how many times its budget of processor time a process may take of real
// time: a busy machine changes no verdict, and a process that waits forever ends.
const realTime = 5

// idleTime is the processor time below which a process counts as one that waits: if it
// uses no more for as long as its whole budget, what it waits for does not come.
const idleTime = 100 * time.Millisecond

// diskPolls is the number of looks at the memory for one at the disk.
const diskPolls = 5

// usage is what a process uses.
type usage struct {
	memory  int64         // resident, in bytes
	cpu     time.Duration // processor time so far; negative if it is not known
	threads int           // 0 if it is not known
}

// outOfTime is why a process is asked to end.
type outOfTime struct {
	within time.Duration
	kind   string // of time
}

func (t outOfTime) Error() string { return fmt.Sprintf("%s of %s", formatBudget(t.within), t.kind) }

// A watch looks at a process as long as it runs.
type watch struct {
	process *os.Process
	home    string // the directory that it writes to
	budget  course.Budget
	timeUp  func(cause error) // ends the process in its own way
	limited bool              // all is limited, not only time

	stop, stopped chan struct{}
	excess        string // what it used too much of, for which it was killed

	begin     time.Time
	over      bool
	active    time.Time // when it last was known to compute
	activeCPU time.Duration
}

// watch kills the process's group once it uses more of something than it may, and calls
// timeUp once its time is over. It must be stopped.
func (s Sandbox) watch(p *os.Process, home string, budget course.Budget, timeUp func(error)) *watch {
	w := &watch{
		process: p, home: home, budget: budget, timeUp: timeUp, limited: len(s.Self) > 0,
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	w.begin = time.Now()
	w.active = w.begin
	go w.run()
	return w
}

func (w *watch) run() {
	defer close(w.stopped)
	tick := time.NewTicker(pollUsage)
	defer tick.Stop()
	for polls := 0; ; polls++ {
		select {
		case <-w.stop:
			return
		case now := <-tick.C:
			u, ok := usageOf(w.process.Pid)
			w.lookAtTime(now, u, ok)
			if !w.limited || !ok {
				continue
			}
			w.excess = w.tooMuch(u, polls%diskPolls == 0)
			if w.excess != "" {
				killGroup(w.process)
				return
			}
		}
	}
}

// end ends the watch and returns what the process was killed for; "" if it was not.
func (w *watch) end() string {
	close(w.stop)
	<-w.stopped
	return w.excess
}

func (w *watch) lookAtTime(now time.Time, u usage, known bool) {
	if w.over {
		return
	}
	budget, elapsed := w.budget.Time, now.Sub(w.begin)
	var up error
	switch {
	case !known || u.cpu < 0:
		if elapsed < budget {
			return
		}
		up = outOfTime{budget, "real time"}
	case u.cpu >= budget:
		up = outOfTime{budget, "processor time"}
	case elapsed >= realTime*budget:
		up = outOfTime{realTime * budget, "real time"}
	case u.cpu >= w.activeCPU+idleTime:
		w.active, w.activeCPU = now, u.cpu
		return
	case now.Sub(w.active) >= budget:
		up = outOfTime{budget, "real time"}
	default:
		return
	}
	w.over = true
	w.timeUp(up)
}

// tooMuch says what the process uses too much of; "" if of nothing.
func (w *watch) tooMuch(u usage, disk bool) string {
	switch {
	case u.memory > w.budget.Memory:
		return overMemory(w.budget)
	case u.threads > maxThreads:
		return fmt.Sprintf("started more than %d threads", maxThreads)
	case !disk:
		return ""
	}
	d := diskUse{}
	d.addDir(w.home, 0)
	d.addUnnamed(w.process.Pid)
	switch {
	case d.bytes > maxDisk:
		return "wrote more than " + formatSize(maxDisk)
	case d.files > maxFiles:
		return fmt.Sprintf("made more than %d files", maxFiles)
	}
	return ""
}

func overMemory(b course.Budget) string {
	return "needs more than " + formatSize(b.Memory) + " of memory"
}

// diskUse is what files take of the disk.
type diskUse struct {
	bytes int64
	files int
}

// maxDepth bounds how deep directories are looked into. Longer paths than the system
// takes could not be.
const maxDepth = 50

// addDir adds what is below a directory. It ends early once that is too much. What has
// gone meanwhile does not count.
func (d *diskUse) addDir(dir string, depth int) {
	f, err := os.Open(dir)
	if err != nil {
		return
	}
	defer f.Close()
	for d.files <= maxFiles && d.bytes <= maxDisk {
		entries, err := f.ReadDir(256)
		if err != nil || len(entries) == 0 {
			return
		}
		for _, e := range entries {
			d.files++
			if e.IsDir() {
				if depth == maxDepth {
					d.files = maxFiles + 1
					return
				}
				d.addDir(dir+string(os.PathSeparator)+e.Name(), depth+1)
			} else if info, err := e.Info(); err == nil {
				d.bytes += allocated(info)
			}
		}
	}
}
