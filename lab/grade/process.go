package grade

import (
	"bytes"
	"context"
	stderrors "errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/graded"
)

// outcome is what one test process left behind. None of it is a verdict yet.
type outcome struct {
	tree       Tree // that the program was built from
	records    []graded.Record
	recordsErr error      // what of the report is not the harness's
	tape       []byte     // if one was to be recorded
	exit       error      // nil if the process exited with status 0
	excess     string     // what the process was killed for using too much of; "" if it was not
	late       *outOfTime // which time was over; nil if none
	output     string     // the process's stdout and stderr, shortened in the middle
	elapsed    time.Duration
}

// process is one run of a test binary.
type process struct {
	tree   Tree // that the binary was built from
	binary string
	run    string // pattern of the tests to run
	seeds  []uint64
	budget course.Budget
	extra  []string // environment
	args   []string // further flags of the test binary
	record bool     // a tape is recorded
	play   []byte   // the tape that is played; nil if none is
}

// anyOf returns the pattern that the names of tests match, and no others.
func anyOf(tests []*course.Test) string {
	names := make([]string, len(tests))
	for i, test := range tests {
		names[i] = test.Name
	}
	return "^(" + strings.Join(names, "|") + ")$"
}

const (
	outputHead = 64 << 10
	outputTail = 256 << 10
	// quitGrace is how long a process may take to print its stacks once its time is over.
	quitGrace = 2 * time.Second
)

// start runs the process in a new directory below scratch and waits for it. The
// error is about the harness; however the process itself ends is an outcome.
func (p process) start(ctx context.Context, sandbox Sandbox, scratch string) (*outcome, error) {
	home, dir, err := sandbox.home(scratch)
	if err != nil {
		return nil, err
	}
	defer removeScratch(home)
	channel, err := graded.NewChannel()
	if err != nil {
		return nil, err
	}
	defer channel.Close()
	switch {
	case p.record:
		err = channel.RecordTape()
	case p.play != nil:
		err = channel.PlayTape(p.play)
	}
	if err != nil {
		return nil, err
	}

	limited, timeUp := context.WithCancelCause(ctx)
	defer timeUp(nil)
	args := append([]string{"-test.run=" + p.run, "-test.count=1", "-test.timeout=0", "-test.paniconexit0"}, p.args...)
	cmd := sandbox.command(limited, p.budget, home, p.binary, args...)
	cmd.Dir = dir
	cmd.Env = p.environ(dir)
	channel.Attach(cmd)
	setProcessGroup(cmd)
	output := newClippedOutput(outputHead, outputTail)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.WaitDelay = quitGrace
	// A process that ran out of time is asked for its stacks, then killed.
	cmd.Cancel = func() error {
		if ctx.Err() == nil && quit(cmd.Process) {
			kill := time.AfterFunc(quitGrace, func() { killGroup(cmd.Process) })
			context.AfterFunc(ctx, func() { kill.Reset(0) })
			return nil
		}
		return killGroup(cmd.Process)
	}

	begin := time.Now()
	if err := sandbox.start(cmd, p.budget); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, errors.Annotate(err, "start test process")
	}
	o := &outcome{tree: p.tree}
	received := make(chan struct{})
	go func() {
		defer close(received)
		o.records, o.recordsErr = channel.Receive()
		if o.recordsErr == nil {
			o.tape, o.recordsErr = channel.Tape()
		}
	}()
	watch := sandbox.watch(cmd.Process, home, p.budget, timeUp)
	exit := cmd.Wait()
	excess := watch.end()
	killGroup(cmd.Process) // whatever the test left running
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	channel.Finish()
	<-received
	o.exit, o.excess, o.output, o.elapsed = exit, excess, output.String(), time.Since(begin)
	if late := (outOfTime{}); stderrors.As(context.Cause(limited), &late) {
		o.late = &late
	}
	return o, nil
}

// environ is all that a test process knows of the world. Top-level math/rand is
// pinned, so that a solution which draws from it replays.
//
// With one processor and no asynchronous preemption, one goroutine follows another only
// where it blocks or calls a function. The compiler puts no call between the words of an
// interface, a slice or a string that it loads or stores (the write barrier is a call that
// is never interrupted), so that a data race cannot mix the type of one value with the data
// of another. This does not hold inside the runtime's own functions: a read of a map is
// interrupted where it calls, and a map that grows meanwhile can still mislead it.
//
// The price is that a loop without calls lets no other goroutine run until it ends.
func (p process) environ(dir string) []string {
	env := []string{
		"HOME=" + dir,
		"TMPDIR=" + dir,
		"TZ=UTC",
		"LANG=C",
		"GOMAXPROCS=1",
		// Most tests live with a few megabytes; without this they collect garbage all the time.
		"GOGC=400",
		"GOTRACEBACK=single",
		"GODEBUG=randautoseed=0,randseednop=0,asyncpreemptoff=1",
		// The collector works harder before the limit is hit, so that garbage alone does not hit it.
		"GOMEMLIMIT=" + strconv.FormatInt(p.budget.Memory*3/4, 10),
	}
	if runtime.GOOS == "windows" {
		env = append(env, "SYSTEMROOT="+os.Getenv("SYSTEMROOT"), "TMP="+dir, "TEMP="+dir, "USERPROFILE="+dir)
	}
	if len(p.seeds) > 0 {
		env = append(env, "LABKV_SEEDS="+course.FormatSeeds(p.seeds))
	}
	return append(env, p.extra...)
}

// clippedOutput keeps the beginning and the end of what is written to it.
type clippedOutput struct {
	mu         sync.Mutex
	head, tail bytes.Buffer
	maxHead    int
	maxTail    int
	dropped    int
}

func newClippedOutput(head, tail int) *clippedOutput {
	return &clippedOutput{maxHead: head, maxTail: tail}
}

func (c *clippedOutput) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(p)
	if room := c.maxHead - c.head.Len(); room > 0 {
		room = min(room, len(p))
		c.head.Write(p[:room])
		p = p[room:]
	}
	c.tail.Write(p)
	// Dropping only when twice the size is reached makes the copying cheap.
	if over := c.tail.Len() - c.maxTail; over > c.maxTail {
		c.dropped += over
		c.tail.Next(over)
	}
	return n, nil
}

func (c *clippedOutput) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if over := c.tail.Len() - c.maxTail; over > 0 {
		c.dropped += over
		c.tail.Next(over)
	}
	if c.dropped == 0 {
		return c.head.String() + c.tail.String()
	}
	return fmt.Sprintf("%s\n[%d bytes left out]\n%s", c.head.String(), c.dropped, c.tail.String())
}
