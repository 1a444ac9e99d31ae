package grade

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// TableOptions says how a table is drawn.
type TableOptions struct {
	Color bool
	Width int // columns of the terminal; 0: unlimited
	// Details bounds the number of failures that are explained below the board;
	// negative: all.
	Details int
}

// WriteTable writes the score board, an explanation of each failure, and the
// two lines that programs can rely on. Of several stages, those that passed
// take one line each.
//
//	score 15/15
//	12 passed, 0 failed, 0 skipped
func (r *Report) WriteTable(w io.Writer, o TableOptions) error {
	out := &errWriter{w: w}
	out.print(r.board(o), "\n")
	r.writeDetails(out, o)
	out.print("\n")
	r.writeTotals(out)
	return out.err
}

func (r *Report) board(o TableOptions) string {
	t := newTable()
	t.AppendHeader(table.Row{"stage", "test", "result", "points", "time"})
	t.SetColumnConfigs([]table.ColumnConfig{
		{Name: "points", Align: text.AlignRight, AlignHeader: text.AlignRight},
		{Name: "time", Align: text.AlignRight, AlignHeader: text.AlignRight},
	})
	reasonWidth := 60
	if o.Width > 0 {
		reasonWidth = max(24, o.Width-r.otherWidth())
	}
	for i, s := range r.Stages {
		if i > 0 {
			t.AppendSeparator()
		}
		t.AppendRow(table.Row{
			o.bold(s.Stage.ID),
			o.bold(s.Stage.Title),
			o.bold(fmt.Sprintf("%d of %d passed", s.Passed(), len(s.Results))),
			o.bold(s.Score().String()),
			seconds(s.Elapsed()),
		})
		if len(r.Stages) > 1 && s.Passed() == len(s.Results) {
			continue // the line above says it all
		}
		for _, result := range s.Results {
			t.AppendRow(table.Row{"", result.Test.Name, o.result(result, reasonWidth), "", seconds(result.Elapsed)})
		}
	}
	return t.Render()
}

// otherWidth is the width of all columns but the result's, borders included.
func (r *Report) otherWidth() int {
	name := 0
	for _, s := range r.Stages {
		name = max(name, len(s.Stage.Title))
		for _, result := range s.Results {
			name = max(name, len(result.Test.Name))
		}
	}
	return name + len("stage") + 10 + 8 + 5*3 + 1
}

func newTable() table.Writer {
	t := table.NewWriter()
	style := table.StyleRounded
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	return t
}

func (o TableOptions) bold(s string) string {
	if !o.Color {
		return s
	}
	return text.Bold.EscapeSeq() + s + text.Reset.EscapeSeq()
}

func (o TableOptions) paint(status Status, s string) string {
	if !o.Color {
		return s
	}
	color := text.FgRed
	switch status {
	case Passed:
		color = text.FgGreen
	case NotImplemented, Skipped:
		color = text.FgYellow
	}
	return color.EscapeSeq() + s + text.Reset.EscapeSeq()
}

// result is status, seed and reason in at most width columns.
func (o TableOptions) result(r *Result, width int) string {
	if r.Status == Passed {
		s := string(Passed)
		if n := len(r.Runs); n > 1 {
			s += fmt.Sprintf(", %d seeds", n)
		}
		return o.paint(r.Status, s)
	}
	head, tail := string(r.Status), ""
	if r.Seed != 0 && r.Status != NotImplemented {
		head += fmt.Sprintf(", seed %d", r.Seed)
	}
	if reason := shortReason(r); reason != "" {
		tail = ": " + reason
	}
	if over := text.StringWidth(head) + text.StringWidth(tail) - width; over > 0 {
		tail = text.Snip(tail, max(0, width-text.StringWidth(head)), "…")
	}
	return o.paint(r.Status, head) + tail
}

// shortReason leaves out of the reason what the status says.
func shortReason(r *Result) string {
	switch r.Status {
	case NotBuilt:
		return "" // the same for all tests of a package, and explained below
	case NotImplemented:
		if _, function, ok := strings.Cut(r.Reason, "implement "); ok {
			return function
		}
	}
	return r.Reason
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func (r *Report) writeDetails(out *errWriter, o TableOptions) {
	shown, left := 0, 0
	for _, c := range causes(r.Results()) {
		if o.Details >= 0 && shown == o.Details {
			left += len(c)
			continue
		}
		shown++
		out.print("\n", c.heading(), c[0].block())
	}
	if left > 0 {
		out.print(fmt.Sprintf("\n… and %d more like these; name a TEST to see its own, or use --format markdown for all.\n", left))
	}
}

// block explains a result that did not pass.
func (r *Result) block() string {
	if r.Status != NotBuilt {
		return r.Failure().String()
	}
	block := "package " + r.Test.Package + " does not build:\n"
	for _, s := range r.Sections {
		block += "    " + strings.ReplaceAll(s.Text, "\n", "\n    ") + "\n"
	}
	return block
}

// WriteTotals writes the last two lines of WriteTable.
func (r *Report) WriteTotals(w io.Writer) error {
	out := &errWriter{w: w}
	r.writeTotals(out)
	return out.err
}

func (r *Report) writeTotals(out *errWriter) {
	passed, failed, skipped := r.Counts()
	out.print(fmt.Sprintf("score %s\n%d passed, %d failed, %d skipped\n", r.Score(), passed, failed, skipped))
}

// errWriter remembers the first error, so that text can be written piece by piece.
type errWriter struct {
	w   io.Writer
	err error
}

func (e *errWriter) print(pieces ...string) {
	for _, piece := range pieces {
		if e.err == nil {
			_, e.err = io.WriteString(e.w, piece)
		}
	}
}
