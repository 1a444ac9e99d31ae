package graded

import (
	"bufio"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pingcap/errors"
)

// A Channel carries the report of a test process to the process that grades it. It is
// two pipes that the grading process opens: no path, so that nothing but these two
// processes can write, read or replace the report.
//
// The test process begins with a line, ready, once its packages are initialized and its
// first graded test starts. Then the grading process draws the challenge, 32 random
// bytes, and sends them. From there on each line is a [Record] in JSON after its
// authentication code, in hexadecimal digits: the HMAC-SHA-256, under the challenge, of
// the line's number and the JSON. So nothing that was prepared before the tests began, and
// nothing that writes to the pipe without having read the challenge, is taken for a record.
//
// A third pipe carries a tape, of what a solution answers to a test, from a process that
// records one, or to a process that plays it.
type Channel struct {
	report, challenge *os.File   // this process's ends
	childs            []*os.File // closed once the child has them

	tapeMode string
	tape     *os.File // this process's end; nil without a tape
	played   []byte
	recorded []byte
	tapeErr  error
}

const (
	// maxReport bounds a report, in bytes. Reports of a whole stage have a megabyte.
	maxReport     = 64 << 20
	challengeSize = 32
	ready         = "ready"
	// reportVariable names, in a test process's environment, the two files of the
	// channel: of the report and of the challenge, separated by a comma.
	reportVariable = "LABKV_REPORT"
	// tapeVariable says what a test process does with a tape, and names its file.
	tapeVariable = "LABKV_TAPE"
	recordTape   = "record"
	playTape     = "play"
	// maxTape bounds a tape, in bytes. Those of all tests of a package have 50 million.
	maxTape = 256 << 20
)

// NewChannel returns a channel for one test process. The caller closes it.
func NewChannel() (*Channel, error) {
	c := &Channel{}
	var err error
	if c.report, err = c.pipe(false); err == nil {
		c.challenge, err = c.pipe(true)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// pipe makes a pipe for the child to write to, or to read from, and returns this process's
// end.
func (c *Channel) pipe(childReads bool) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, errors.Trace(err)
	}
	if childReads {
		c.childs = append(c.childs, r)
		return w, nil
	}
	c.childs = append(c.childs, w)
	return r, nil
}

// RecordTape makes the test process record a tape, which Tape returns.
func (c *Channel) RecordTape() (err error) {
	c.tapeMode = recordTape
	c.tape, err = c.pipe(false)
	return err
}

// PlayTape makes the test process run its tests from a tape.
func (c *Channel) PlayTape(tape []byte) (err error) {
	c.tapeMode, c.played = playTape, tape
	c.tape, err = c.pipe(true)
	return err
}

// Tape returns what the test process has recorded, once Receive has returned.
func (c *Channel) Tape() ([]byte, error) { return c.recorded, c.tapeErr }

// Attach makes cmd, which has not been started and hands on no other files, the test
// process of the channel. Its environment must be set.
func (c *Channel) Attach(cmd *exec.Cmd) {
	files := handOn(cmd, c.childs)
	cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%d,%d", reportVariable, files[0], files[1]))
	if c.tape != nil {
		cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%s,%d", tapeVariable, c.tapeMode, files[2]))
	}
}

// Close closes the files of this process. It may be called at any time, and ends Receive.
func (c *Channel) Close() {
	for _, f := range append([]*os.File{c.report, c.challenge, c.tape}, c.childs...) {
		if f != nil {
			f.Close()
		}
	}
}

// Receive returns what the test process reports, until that has ended. It is called once
// the process has been started. The error says what of the report is not the harness's;
// the records before it are returned, too. A last line that was cut off by the end of the
// process is left out.
func (c *Channel) Receive() ([]Record, error) {
	for _, f := range c.childs {
		f.Close()
	}
	taped := make(chan struct{})
	go func() {
		defer close(taped)
		c.handleTape()
	}()
	records, err := receive(c.report, func() ([]byte, error) {
		challenge := make([]byte, challengeSize)
		rand.Read(challenge)
		_, err := c.challenge.Write(challenge)
		return challenge, err
	})
	if err != nil {
		c.report.Close() // what writes on must not wait until this process has read it
	}
	<-taped
	return records, err
}

// handleTape sends the tape, or receives it.
func (c *Channel) handleTape() {
	switch c.tapeMode {
	case playTape:
		_, _ = c.tape.Write(c.played) // what does not read all of it says so in its report
		c.tape.Close()
	case recordTape:
		tape, err := io.ReadAll(io.LimitReader(c.tape, maxTape+1))
		if err == nil && len(tape) > maxTape {
			err = errors.Errorf("the tape is larger than %d MiB", maxTape>>20)
		}
		c.tape.Close()
		c.recorded, c.tapeErr = tape, err
	}
}

// Finish bounds how long Receive goes on after the end of the process: what still holds
// the pipe then is not the harness.
func (c *Channel) Finish() {
	const grace = time.Second
	for _, f := range []*os.File{c.report, c.tape} {
		if f != nil && f.SetDeadline(time.Now().Add(grace)) != nil {
			time.AfterFunc(grace, func() { f.Close() }) // these pipes have no deadlines here
		}
	}
}

func receive(r io.Reader, challenge func() ([]byte, error)) ([]Record, error) {
	limited := &io.LimitedReader{R: r, N: maxReport}
	lines := bufio.NewReader(limited)
	var records []Record
	var key []byte
	for n := 0; ; n++ {
		line, err := lines.ReadString('\n')
		switch {
		case err == io.EOF && limited.N <= 0:
			return records, errors.Errorf("the report is larger than %d MiB", maxReport>>20)
		case err != nil: // the process has ended
			return records, nil
		case key == nil:
			if line != ready+"\n" {
				return records, errors.New("the report does not begin as the harness begins it")
			}
			if key, err = challenge(); err != nil {
				// It has ended before it could read the challenge. Before that the harness
				// writes nothing more.
				if _, err := lines.ReadString('\n'); err == nil {
					return records, errors.Errorf("line %d of the report is not the harness's", n+2)
				}
				return records, nil
			}
			continue
		}
		code, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		var rec Record
		if !hmac.Equal([]byte(code), []byte(authentication(key, n, text))) || json.Unmarshal([]byte(text), &rec) != nil {
			return records, errors.Errorf("line %d of the report is not the harness's", n+1)
		}
		records = append(records, rec)
	}
}

// authentication is the code of the n-th line of a report; line 0 is ready.
func authentication(challenge []byte, n int, text string) string {
	mac := hmac.New(sha256.New, challenge)
	fmt.Fprintf(mac, "%d %s", n, text)
	return hex.EncodeToString(mac.Sum(nil))
}

// A reporter is the test process's side of a [Channel].
type reporter struct {
	mu     sync.Mutex // tests may run in parallel
	report *os.File
	key    []byte
	lines  int
}

// newReporter opens the files that value, of reportVariable, names.
func newReporter(value string) (*reporter, error) {
	first, second, _ := strings.Cut(value, ",")
	report, err := strconv.ParseUint(first, 10, 0)
	if err != nil {
		return nil, errors.Annotatef(err, "%s=%q", reportVariable, value)
	}
	challenge, err := strconv.ParseUint(second, 10, 0)
	if err != nil {
		return nil, errors.Annotatef(err, "%s=%q", reportVariable, value)
	}
	r := &reporter{report: os.NewFile(uintptr(report), "report"), key: make([]byte, challengeSize), lines: 1}
	from := os.NewFile(uintptr(challenge), "challenge")
	defer from.Close()
	if _, err := io.WriteString(r.report, ready+"\n"); err != nil {
		return nil, errors.Trace(err)
	}
	if _, err := io.ReadFull(from, r.key); err != nil {
		return nil, errors.Annotate(err, "read the challenge")
	}
	return r, nil
}

// write adds a record to the report.
func (r *reporter) write(rec Record) error {
	text, err := json.Marshal(rec)
	if err != nil {
		return errors.Trace(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err = io.WriteString(r.report, authentication(r.key, r.lines, string(text))+" "+string(text)+"\n")
	r.lines++
	return errors.Trace(err)
}

// A Tape is the test process's side of a tape.
type Tape struct {
	Record *bufio.Writer // to be flushed at the end of each test; nil if none is recorded
	Play   io.Reader     // nil if none is played
}

// TapeOf returns the tape of this test process, once, or nil if there is none.
var TapeOf = sync.OnceValue(func() *Tape {
	mode, number, _ := strings.Cut(os.Getenv(tapeVariable), ",")
	os.Unsetenv(tapeVariable)
	fd, err := strconv.ParseUint(number, 10, 0)
	if err != nil {
		return nil
	}
	file := os.NewFile(uintptr(fd), "tape")
	switch mode {
	case recordTape:
		return &Tape{Record: bufio.NewWriterSize(file, 64<<10)}
	case playTape:
		return &Tape{Play: file}
	}
	return nil
})
