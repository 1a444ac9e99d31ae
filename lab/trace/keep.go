package trace

import (
	stderrors "errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pingcap/errors"
)

// Where the logs of runs are wanted, as paths of directories: of all runs, or only of those
// that fail.
const (
	AllVariable      = "LABKV_TRACE"
	FailuresVariable = "LABKV_FAILURES"
)

// Wants reports whether the environment asks for the log of a run that failed, or of one
// that did not.
func Wants(failed bool) bool { return dirFor(failed) != "" }

func dirFor(failed bool) string {
	if dir := os.Getenv(AllVariable); dir != "" || !failed {
		return dir
	}
	return os.Getenv(FailuresVariable)
}

// Keep writes l, the log of a run that failed or did not, to where the environment wants
// it, and returns the name of the file, "" if it is not wanted.
func (l *Log) Keep(failed bool) (name string, err error) {
	dir := dirFor(failed)
	if dir == "" {
		return "", nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", errors.Trace(err)
	}
	name = FileIn(dir, l.Header.Test, l.Header.Seed)
	file, err := os.Create(name)
	if err != nil {
		return "", errors.Trace(err)
	}
	_, err = l.WriteTo(file)
	if err := stderrors.Join(err, file.Close()); err != nil {
		_ = os.Remove(name) // a log without its end lacks what matters
		return "", errors.Trace(err)
	}
	return name, nil
}

// FileIn returns the name of the log of a test's run in dir.
func FileIn(dir, test string, seed uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%s-%d.jsonl", test, seed))
}
