package grade

import (
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/pingcap/errors"
)

// scratchPattern is the pattern of os.MkdirTemp for scratch directories, and scratchName
// matches what it makes of it.
const scratchPattern = "labkv-grade-*"

var scratchName = regexp.MustCompile(`^labkv-grade-[0-9]+$`)

// A scratch is a directory for one piece of work. It is locked as long as its owner lives,
// so that a later start can tell which directories were left behind.
type scratch struct {
	dir  string
	lock *os.File
}

// sweepOnce removes what killed graders left behind, before this one adds to it.
var sweepOnce = sync.OnceFunc(func() { sweep(os.TempDir()) })

func newScratch() (*scratch, error) {
	sweepOnce()
	for {
		dir, err := os.MkdirTemp("", scratchPattern)
		if err != nil {
			return nil, errors.Trace(err)
		}
		lock, err := lockDir(dir)
		if err == errLocked || os.IsNotExist(err) {
			continue // another start has seen it before it was locked, and removes it
		}
		if err != nil {
			os.RemoveAll(dir)
			return nil, errors.Annotate(err, "lock scratch directory")
		}
		return &scratch{dir, lock}, nil
	}
}

func (s *scratch) remove() {
	removeScratch(s.dir)
	s.lock.Close()
}

// removeScratch removes a directory that only this process uses. On some systems the
// binary of a process that was just killed stays busy for a moment.
func removeScratch(dir string) {
	for range 10 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// sweep removes the scratch directories below parent that are this user's and that no
// process has locked.
func sweep(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() || !scratchName.MatchString(e.Name()) {
			continue
		}
		dir := filepath.Join(parent, e.Name())
		if !mine(dir) {
			continue
		}
		if lock, err := lockDir(dir); err == nil {
			os.RemoveAll(dir)
			lock.Close()
		}
	}
}
