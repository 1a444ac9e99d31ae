package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// A progress is a line on a terminal that says how far a command is. It is drawn
// over itself, and nothing of it is left at the end. The zero progress shows
// nothing.
type progress struct {
	out   io.Writer // nil: there is no terminal
	width func() int
	begin time.Time
	ended chan struct{}

	mu          sync.Mutex
	done, total int // total is 0 as long as it is not known
	what        string
	drawn       int // columns of the line that is there
}

// newProgress shows what begins now on standard error, if that is a terminal.
func newProgress(what string) *progress {
	fd := int(os.Stderr.Fd())
	if !term.IsTerminal(fd) {
		return &progress{}
	}
	p := &progress{out: os.Stderr, begin: time.Now(), ended: make(chan struct{}), what: what}
	p.width = func() int {
		if width, _, err := term.GetSize(fd); err == nil {
			return width
		}
		return 0
	}
	p.draw()
	go p.keepTime()
	return p
}

// keepTime draws the line again as time goes on.
func (p *progress) keepTime() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.draw()
		case <-p.ended:
			return
		}
	}
}

// update says how much is done of how much, and what was done last.
func (p *progress) update(done, total int, what string) {
	p.mu.Lock()
	p.done, p.total, p.what = done, total, what
	p.mu.Unlock()
	p.draw()
}

// stop removes the line. What is printed afterwards stands alone.
func (p *progress) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil {
		return
	}
	p.overwrite("")
	fmt.Fprint(p.out, "\r")
	p.out = nil
	close(p.ended)
}

func (p *progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out != nil {
		p.overwrite(progressText(p.done, p.total, time.Since(p.begin), p.what, p.width()-interruptWidth-1))
	}
}

// interruptWidth is the width of the ^C that a terminal prints after the line.
const interruptWidth = 2

// overwrite replaces the line, and an interrupt's ^C after it, and leaves the cursor
// where the new line ends. It uses no escape sequences, which not every terminal
// knows, and never reaches the last column, from which a terminal may go on to the
// next line.
func (p *progress) overwrite(line string) {
	width := text.StringWidth(line)
	rest := max(0, min(p.drawn+interruptWidth, p.width()-1)-width)
	fmt.Fprint(p.out, "\r", line, strings.Repeat(" ", rest), strings.Repeat("\b", rest))
	p.drawn = width
}

// progressText is the line in at most width columns.
func progressText(done, total int, elapsed time.Duration, what string, width int) string {
	if width <= 0 {
		return ""
	}
	line := fmt.Sprintf("%d s  %s", int(elapsed.Seconds()), what)
	if total > 0 {
		line = fmt.Sprintf("%d/%d  %s", done, total, line)
		if width >= 60 {
			const cells = 20
			full := min(cells, cells*done/total)
			line = strings.Repeat("█", full) + strings.Repeat("░", cells-full) + "  " + line
		}
	}
	return text.Snip(line, width, "…")
}
