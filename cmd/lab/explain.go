package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/overlay"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain STAGE or TEST ...",
		Short: "what a stage or a test asks for",
		Long: `For a stage: its guide, the functions to write, hints and tests. For a test: what it
checks, where it is, and how to run it.`,
		Example: `  lab explain 2aa
  lab explain TestGrantsOneVotePerTerm2AA
  lab explain 2aa/TestGrantsOneVotePerTerm2AA`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeSelectors,
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			c, err := a.course()
			if err != nil {
				return err
			}
			funcs, _ := grade.SourceTree(c).Funcs() // a file that does not parse has no functions to explain
			for i, arg := range args {
				if i > 0 {
					fmt.Println()
				}
				if err := explain(os.Stdout, c, funcs, arg); err != nil {
					return err
				}
			}
			return nil
		}),
	}
}

func explain(w io.Writer, c *course.Course, funcs []overlay.Func, what string) error {
	if course.IsTest(what) {
		test, err := c.FindTest(what)
		if err != nil {
			return usageError{err}
		}
		return explainTest(w, c, test)
	}
	stages, err := c.SelectStages(what)
	if err != nil {
		return usageError{err}
	}
	for i, s := range stages {
		if i > 0 {
			fmt.Fprintln(w)
		}
		explainStage(w, s, funcs)
	}
	return nil
}

func explainTest(w io.Writer, c *course.Course, test *course.Test) error {
	found, err := c.TestFuncs(test.Package)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s, stage %s (%s)\n\n", test.Name, test.Stage.ID, test.Stage.Title)
	if i := slices.IndexFunc(found, func(f course.Func) bool { return f.Name == test.Name }); i >= 0 {
		if found[i].Doc != "" {
			fmt.Fprintf(w, "%s\n\n", indent(found[i].Doc))
		}
		row(w, "where", fmt.Sprintf("%s:%d", found[i].File, found[i].Line))
	}
	score := grade.Worth(test)
	row(w, "worth", fmt.Sprintf("%s of %d points", grade.FormatPoints(score), test.Stage.Points))
	if len(test.Seeds) > 0 {
		row(w, "seeds", course.FormatSeeds(test.Seeds))
		row(w, "run", fmt.Sprintf("make replay TEST=%s SEED=%d", test.Name, test.Seeds[0]))
	} else {
		row(w, "run", "make replay TEST="+test.Name)
	}
	row(w, "read", test.Stage.Guide)
	return nil
}

func explainStage(w io.Writer, s *course.Stage, funcs []overlay.Func) {
	fmt.Fprintf(w, "Stage %s: %s, %d points\n\n", s.ID, s.Title, s.Points)
	row(w, "read", s.Guide)
	row(w, "run", "make project"+s.ID)
	row(w, "edit", strings.Join(s.Edit, ", "))
	if len(s.Needs) > 0 {
		row(w, "after", strings.Join(s.Needs, ", "))
	}
	var own []overlay.Func
	for _, f := range funcs {
		if f.Stage == s.Directive() {
			own = append(own, f)
		}
	}
	if len(own) > 0 {
		fmt.Fprint(w, "\nFunctions to write:\n\n")
		for _, f := range own {
			mark := "done"
			if f.TODO {
				mark = "TODO"
			}
			fmt.Fprintf(w, "    %s   %-40s %s:%d\n", mark, f.Name, f.File, f.Line)
		}
	}
	if len(s.Hints) > 0 {
		fmt.Fprint(w, "\nHints:\n\n")
		for _, hint := range s.Hints {
			fmt.Fprintf(w, "    - %s\n", strings.ReplaceAll(hint, "\n", "\n      "))
		}
	}
	fmt.Fprint(w, "\nTests:\n\n")
	for _, test := range s.Tests {
		seeds := ""
		if n := len(test.Seeds); n > 0 {
			seeds = fmt.Sprintf("%d seeds", n)
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("    %-60s %s", test.Name, seeds), " "))
	}
}

func row(w io.Writer, name, text string) {
	if text != "" {
		fmt.Fprintf(w, "    %-6s %s\n", name, text)
	}
}

func indent(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") }
