package grade

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/labkv/labkv/lab/overlay"
)

// WriteStatus writes one line per stage: how many of its functions are
// implemented, how many of its tests pass, and its points. Below the board of a
// quick run it says that it is one.
func (r *Report) WriteStatus(w io.Writer, funcs []overlay.Func, o TableOptions) error {
	const leastTitle = 8 // with less, a title says nothing
	longest := 0
	for _, s := range r.Stages {
		longest = max(longest, text.StringWidth(s.Stage.Title))
	}
	board := r.statusBoard(funcs, o, longest)
	if over := tableWidth(board) - o.Width; o.Width > 0 && over > 0 {
		if longest -= over; longest < leastTitle {
			longest = 0
		}
		board = r.statusBoard(funcs, o, longest)
	}
	out := &errWriter{w: w}
	out.print(board, "\n")
	if r.Quick {
		out.print(fmt.Sprintf("quick run, not a grade: %d seeds a test\n", QuickSeeds))
	}
	return out.err
}

// statusBoard returns the table with titles of a width; 0: without titles, and
// with fewer words.
func (r *Report) statusBoard(funcs []overlay.Func, o TableOptions, title int) string {
	t := newTable()
	right := func(name string) table.ColumnConfig {
		return table.ColumnConfig{Name: name, Align: text.AlignRight, AlignHeader: text.AlignRight, AlignFooter: text.AlignRight}
	}
	t.SetColumnConfigs([]table.ColumnConfig{right("implemented"), right("written"), right("passed"), right("points")})
	columns := func(stage, name, implemented, passed, points string) table.Row {
		if title == 0 {
			return table.Row{stage, implemented, passed, points}
		}
		return table.Row{stage, text.Snip(name, title, "…"), implemented, passed, points}
	}
	of, written, total := " of ", "implemented", ""
	if title == 0 {
		of, written, total = "/", "written", o.bold("sum")
	}
	t.AppendHeader(columns("stage", "", written, "passed", "points"))
	for _, s := range r.Stages {
		done, all := 0, 0
		for _, f := range funcs {
			if f.Stage == s.Stage.Directive() {
				all++
				if !f.TODO {
					done++
				}
			}
		}
		status := Failed
		switch {
		case s.Passed() == len(s.Results):
			status = Passed
		case done == 0:
			status = NotImplemented
		}
		t.AppendRow(columns(
			s.Stage.ID,
			s.Stage.Title,
			fmt.Sprintf("%d%s%d", done, of, all),
			o.paint(status, fmt.Sprintf("%d%s%d", s.Passed(), of, len(s.Results))),
			s.Score().String(),
		))
	}
	t.AppendSeparator()
	t.AppendRow(columns(total, o.bold("points so far"), "", "", o.bold(r.Score().String())))
	return t.Render()
}

// tableWidth returns the number of columns that a rendered table takes.
func tableWidth(rendered string) int {
	line, _, _ := strings.Cut(rendered, "\n")
	return text.StringWidthWithoutEscSequences(line)
}
