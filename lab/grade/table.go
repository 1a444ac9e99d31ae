package grade

import (
	"fmt"
	"io"
	"path"
	"slices"
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
//
// On the board of a quick run, both lines say that it is one.
func (r *Report) WriteTable(w io.Writer, o TableOptions) error {
	out := &errWriter{w: w}
	out.print(r.board(o), "\n")
	if r.Quick {
		out.print(fmt.Sprintf("quick run, not a grade: %d seeds a test\n", QuickSeeds))
	}
	r.writeSilent(out, o)
	r.writeDetails(out, o)
	out.print("\n")
	r.writeTotals(out)
	return out.err
}

// leastResult is the width from which on a result says enough beside its test.
const leastResult = 24

// unlimitedResult is the width of results where the width of the table is unlimited.
const unlimitedResult = 60

// A layout says which columns a board has. Points and tests are always there.
type layout struct {
	stage, time bool
	result      int // width
}

// layout returns the one with the most columns that fits, and whether one fits.
func (r *Report) layout(o TableOptions) (layout, bool) {
	all := layout{stage: true, time: true, result: unlimitedResult}
	if o.Width == 0 {
		return all, true
	}
	const border, stage = 3, len("stage")
	name, title, result, points, time := 0, 0, 0, len("points"), len("time")
	for _, s := range r.Stages {
		name = max(name, text.StringWidth(s.Stage.Title))
		title = max(title, len(s.Stage.ID)+1+text.StringWidth(s.Stage.Title))
		result = max(result, len(s.passedText()))
		points = max(points, len(s.Score().String()))
		time = max(time, len(seconds(s.Elapsed())))
		for _, test := range r.shown(s) {
			name = max(name, len(test.Test.Name))
			result = max(result, text.StringWidthWithoutEscSequences(o.result(test, unlimitedResult)))
		}
	}
	for _, l := range []layout{{stage: true, time: true}, {stage: true}, {}} {
		left := o.Width - 1 - border - (border + points)
		if l.stage {
			left -= border + stage + border + name
		} else {
			left -= border + max(name, title)
		}
		if l.time {
			left -= border + time
		}
		if left >= min(result, leastResult) {
			l.result = left
			return l, true
		}
	}
	return layout{}, false
}

// shown returns the results of a stage that have a line on the board.
func (r *Report) shown(s *StageReport) []*Result {
	if len(r.Stages) > 1 && s.Passed() == len(s.Results) {
		return nil // the line of the stage says it all
	}
	return s.Results
}

func (s *StageReport) passedText() string {
	return fmt.Sprintf("%d of %d passed", s.Passed(), len(s.Results))
}

func (r *Report) board(o TableOptions) string {
	l, fits := r.layout(o)
	if !fits {
		return r.list(o)
	}
	t := newTable()
	columns := func(stage, test, result, points, time string) table.Row {
		row := table.Row{test, result, points}
		if l.stage {
			row = append(table.Row{stage}, row...)
		}
		if l.time {
			row = append(row, time)
		}
		return row
	}
	t.AppendHeader(columns("stage", "test", "result", "points", "time"))
	t.SetColumnConfigs([]table.ColumnConfig{
		{Name: "points", Align: text.AlignRight, AlignHeader: text.AlignRight},
		{Name: "time", Align: text.AlignRight, AlignHeader: text.AlignRight},
	})
	for i, s := range r.Stages {
		if i > 0 {
			t.AppendSeparator()
		}
		title := s.Stage.Title
		if !l.stage {
			title = s.Stage.ID + " " + title
		}
		t.AppendRow(columns(o.bold(s.Stage.ID), o.bold(title), o.bold(s.passedText()), o.bold(s.Score().String()), seconds(s.Elapsed())))
		for _, result := range r.shown(s) {
			t.AppendRow(columns("", result.Test.Name, o.result(result, l.result), "", seconds(result.Elapsed)))
		}
	}
	return t.Render()
}

// list is the board for a terminal that is too narrow for a table: a result
// that has no room beside its test is below it.
func (r *Report) list(o TableOptions) string {
	const indent = "  "
	var lines []string
	for i, s := range r.Stages {
		if i > 0 {
			lines = append(lines, "")
		}
		lines = append(lines,
			o.bold(text.Snip(s.Stage.ID+" "+s.Stage.Title, o.Width, "…")),
			indent+s.passedText()+", "+s.Score().String()+" points")
		for _, test := range r.shown(s) {
			name, result := test.Test.Name, o.result(test, o.Width-len(indent))
			if len(name)+1+text.StringWidthWithoutEscSequences(result) <= o.Width {
				lines = append(lines, name+" "+result)
			} else {
				lines = append(lines, text.Snip(name, o.Width, "…"), indent+result)
			}
		}
	}
	return strings.Join(lines, "\n")
}

func newTable() table.Writer {
	t := table.NewWriter()
	style := table.StyleRounded
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	return t
}

// fit renders t no wider than the terminal: one column of text is wrapped as
// narrowly as that takes, at most at a width, and if that is not enough, lines
// are cut.
func (o TableOptions) fit(t table.Writer, column string, width int, others ...table.ColumnConfig) string {
	const least = 12
	for {
		t.SetColumnConfigs(append(others, table.ColumnConfig{Name: column, WidthMax: width, WidthMaxEnforcer: text.WrapSoft}))
		rendered := t.Render()
		over := tableWidth(rendered) - o.Width
		if o.Width == 0 || over <= 0 {
			return rendered
		}
		if width == least {
			t.Style().Size.WidthMax = o.Width
			t.Style().Box.UnfinishedRow = "…"
			return t.Render()
		}
		width = max(least, width-over)
	}
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
			return qualified(function, r.At)
		}
	}
	return r.Reason
}

// qualified puts the package in front of a method that is in a file, as stack
// traces do: raft.(*Raft).Step. A function has it already: standalone.New.
func qualified(function, at string) string {
	if dir := path.Dir(at); dir != "." && strings.HasPrefix(function, "(") {
		return path.Base(dir) + "." + function
	}
	return function
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// silent names the functions of stages with failures that are not written yet and of
// which no test says so.
func (r *Report) silent() []string {
	var names []string
	for _, f := range r.Silent {
		if slices.ContainsFunc(r.Stages, func(s *StageReport) bool { return s.Stage.Directive() == f.Stage && s.Passed() < len(s.Results) }) {
			names = append(names, f.Name)
		}
	}
	return names
}

func (r *Report) writeSilent(out *errWriter, o TableOptions) {
	names := r.silent()
	if len(names) == 0 {
		return
	}
	line := "not written yet, and without effect: " + strings.Join(names, ", ")
	if o.Width > 0 {
		line = text.WrapSoft(line, o.Width)
	}
	for part := range strings.SplitSeq(line, "\n") {
		out.print(strings.TrimRight(part, " "), "\n") // WrapSoft fills lines up
	}
}

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
	grade, run := "", ""
	if r.Quick {
		grade, run = " (quick run, not a grade)", " (quick run)"
	}
	out.print(fmt.Sprintf("score %s%s\n%d passed, %d failed, %d skipped%s\n", r.Score(), grade, passed, failed, skipped, run))
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
