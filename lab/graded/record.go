package graded

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/todo"
)

// Events of a [Record].
const (
	EventStart = "start"
	EventEnd   = "end"
)

// Statuses of an end [Record].
const (
	StatusPassed  = "passed"
	StatusFailed  = "failed"
	StatusSkipped = "skipped"
)

// Record is one line of the report file. A run of a test, or of one seed of it,
// leaves a start and an end; a run whose end is missing did not finish.
type Record struct {
	Test     string    `json:"test"`
	Seed     uint64    `json:"seed,omitempty"` // 0: the test has no seed
	Event    string    `json:"event"`
	Status   string    `json:"status,omitempty"` // of an end
	Digest   string    `json:"digest,omitempty"` // 16 hexadecimal digits; of an end
	Claim    string    `json:"claim"`
	Source   string    `json:"source"`
	Reason   string    `json:"reason,omitempty"` // one line
	Sections []Section `json:"sections,omitempty"`
}

// Section is a named part of a failure's explanation.
type Section struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// ReadRecords reads a report. A last line that was cut off by the end of its
// process is left out; any other line that is no record is an error.
func ReadRecords(r io.Reader) ([]Record, error) {
	var records []Record
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			return records, nil
		}
		if err != nil {
			return nil, errors.Annotate(err, "read report")
		}
		var rec Record
		if err := json.Unmarshal([]byte(line), &rec); err != nil {
			return nil, errors.Annotatef(err, "report line %d", len(records)+1)
		}
		records = append(records, rec)
	}
}

// maxStack bounds a goroutine's stack, in bytes, so that endless recursion is
// reported as such before it has filled the memory.
const maxStack = 64 << 20

// openReport opens the file of LABKV_REPORT, once, and forgets its name. It
// returns nil if there is none.
var openReport = sync.OnceValues(func() (*os.File, error) {
	name := os.Getenv("LABKV_REPORT")
	if name == "" {
		return nil, nil
	}
	os.Unsetenv("LABKV_REPORT")
	debug.SetMaxStack(maxStack)
	return os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
})

// appendRecord writes a line to the report with one call, so that lines of
// parallel tests do not mix. It reports whether there is a report.
func appendRecord(t testing.TB, rec Record) bool {
	report, err := openReport()
	if err != nil {
		t.Fatalf("graded: open report: %v", err)
	}
	if report == nil {
		return false
	}
	line, err := json.Marshal(rec)
	if err == nil {
		_, err = report.Write(append(line, '\n'))
	}
	if err != nil {
		t.Fatalf("graded: write report: %v", err)
	}
	return true
}

// recorder gathers what one run of a test finds out.
type recorder struct {
	test  string
	seed  uint64
	claim Claim

	mu       sync.Mutex // tests may fail from several goroutines
	reason   string     // of the first failure, else of the skip
	sections []Section
	digest   uint64
	missing  *todo.Func // what the test called and is not written yet
}

func (r *recorder) explain(section, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sections = append(r.sections, Section{Name: section, Text: strings.TrimRight(text, "\n")})
}

func (r *recorder) found(message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reason == "" {
		r.reason = condense(message)
	}
}

func (r *recorder) setDigest(digest uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if digest != 0 {
		r.digest = digest
	}
}

func (r *recorder) record(event string) Record {
	return Record{Test: r.test, Seed: r.seed, Event: event, Claim: r.claim.Text, Source: r.claim.Source}
}

func (r *recorder) start(t testing.TB) {
	appendRecord(t, r.record(EventStart))
}

// end writes the verdict. returned is false when the body was left by a failure,
// a skip, a panic or runtime.Goexit; the last two have no reason yet, and the
// process that reads the report finds it in what the dying process printed.
func (r *recorder) end(t testing.TB, returned bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.record(EventEnd)
	switch {
	case t.Failed(), !returned && !t.Skipped():
		rec.Status = StatusFailed
	case t.Skipped():
		rec.Status = StatusSkipped
	default:
		rec.Status = StatusPassed
	}
	if rec.Status != StatusPassed {
		rec.Reason = r.reason
	}
	if rec.Status == StatusFailed {
		rec.Sections = r.sections
		if rec.Reason == "" && t.Failed() {
			rec.Reason = "failed without a message; see its log"
		}
	}
	if r.digest != 0 {
		rec.Digest = fmt.Sprintf("%016x", r.digest)
	}
	if appendRecord(t, rec) || rec.Status != StatusFailed {
		return
	}
	if r.missing != nil {
		t.Log(r.missing.Explain("."))
		return
	}
	f := FailureOf(rec)
	f.Read = guideOf(r.test)
	t.Log("\n" + f.String())
}

// attempt calls f. If there is no report, a call of a function that is not written
// yet fails t, and the tests after it run. With a report it ends the process, which
// runs one test: from what the process printed, the verdict is made that the test is
// not implemented.
func (r *recorder) attempt(t *testing.T, f func()) {
	t.Helper()
	if report, err := openReport(); report == nil && err == nil {
		defer func() {
			if r.caught(recover()) {
				t.FailNow()
			}
		}()
	}
	f()
}

// caught notes the function that is not written yet and panicked with p. It reports
// whether there was one, and lets any other panic go on.
func (r *recorder) caught(p any) bool {
	if p == nil {
		return false
	}
	missing, ok := todo.Recovered(p)
	if !ok {
		panic(p)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missing = &missing
	return true
}
