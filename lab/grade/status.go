package grade

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/labkv/labkv/lab/overlay"
)

// WriteStatus writes one line per stage: how many of its functions are
// implemented, how many of its tests pass, and its points.
func (r *Report) WriteStatus(w io.Writer, funcs []overlay.Func, o TableOptions) error {
	t := newTable()
	right := func(name string) table.ColumnConfig {
		return table.ColumnConfig{Name: name, Align: text.AlignRight, AlignHeader: text.AlignRight, AlignFooter: text.AlignRight}
	}
	t.SetColumnConfigs([]table.ColumnConfig{right("implemented"), right("passed"), right("points")})
	t.AppendHeader(table.Row{"stage", "", "implemented", "passed", "points"})
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
		t.AppendRow(table.Row{
			s.Stage.ID,
			s.Stage.Title,
			fmt.Sprintf("%d of %d", done, all),
			o.paint(status, fmt.Sprintf("%d of %d", s.Passed(), len(s.Results))),
			s.Score().String(),
		})
	}
	t.AppendSeparator()
	t.AppendRow(table.Row{"", o.bold("points so far"), "", "", o.bold(r.Score().String())})
	out := &errWriter{w: w}
	out.print(t.Render(), "\n")
	return out.err
}
