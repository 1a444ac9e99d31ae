package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/overlay"
)

func (a *app) statusCommand() *cobra.Command {
	var r running
	cmd := &cobra.Command{
		Use:   "status [STAGE or TEST ...]",
		Short: "what is implemented, what passes, and what to do next",
		Long: fmt.Sprintf(`Runs graded tests and shows, stage by stage, how much is implemented and what
passes, the points so far, and what to do next. Without arguments it looks at all
stages: that takes the longer the more is implemented, and minutes in the end.

It is a look and not a grade: a test that has seeds runs with %d of them. Lab test
runs all.`, grade.QuickSeeds),
		Example: `  lab status
  lab status 2a`,
		ValidArgsFunction: a.completeSelectors,
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			c, err := a.course()
			if err != nil {
				return err
			}
			chosen, err := selection(c, args)
			if err != nil {
				return err
			}
			r.quick = true
			runner, err := r.runner(a, false)
			if err != nil {
				return err
			}
			funcs, broken := grade.SourceTree(c).Funcs()
			report, err := a.run(cmd, runner, c, chosen)
			if err != nil {
				return err
			}
			if err := report.WriteStatus(os.Stdout, funcs, a.tableOptions()); err != nil {
				return err
			}
			if broken != nil {
				fmt.Printf("\nnot everything could be read:\n%s\n", indent(broken.Error()))
			}
			fmt.Print("\n")
			next(os.Stdout, report, funcs)
			return nil
		}),
	}
	r.flags(cmd)
	return cmd
}

// next says what to do: in the first stage that is not complete, write what is
// not written, then repair what fails.
func next(w io.Writer, report *grade.Report, funcs []overlay.Func) {
	for _, s := range report.Stages {
		if s.Passed() == len(s.Results) {
			continue
		}
		nextInStage(w, s, funcs)
		return
	}
	fmt.Fprintf(w, "Everything passes with %d seeds a test. Grade it: make projects. Then try fresh schedules: go run ./cmd/lab fuzz --for 10m\n", grade.QuickSeeds)
}

func nextInStage(w io.Writer, s *grade.StageReport, funcs []overlay.Func) {
	var todo []overlay.Func
	for _, f := range funcs {
		if f.TODO && f.Stage == s.Stage.Directive() {
			todo = append(todo, f)
		}
	}
	fmt.Fprintf(w, "Next: stage %s, %s.\n\n", s.Stage.ID, s.Stage.Title)
	if len(todo) > 0 {
		for _, f := range todo {
			fmt.Fprintf(w, "    write   %-40s %s:%d\n", f.Name, f.File, f.Line)
		}
	} else {
		for _, result := range s.Results {
			if result.Status != grade.Passed {
				fmt.Fprintf(w, "    repair  %s: %s\n", result.Test.Name, result.Found())
				break
			}
		}
	}
	fmt.Fprintf(w, "    read    %s\n    run     make project%s\n    ask     go run ./cmd/lab explain %s\n", s.Stage.Guide, s.Stage.ID, s.Stage.ID)
}
