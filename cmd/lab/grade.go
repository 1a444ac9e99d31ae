package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
	"github.com/spf13/cobra"
)

func (a *app) gradeCommand() *cobra.Command {
	var r running
	var out output
	var stages []string
	var hidden string
	var onReference bool
	cmd := &cobra.Command{
		Use:   "grade SUBMISSION ...",
		Short: "grade directories or archives of students",
		Long: `Grades submissions: directories, or .zip, .tar, .tar.gz and .tgz archives. Of each,
only the files that a student may edit are taken and laid on a fresh handout;
imports are checked, then the tests run in a sandbox. There is one row for each
submission, in the order of the command line.

--hidden names a folder with further tests: _test.go files at the paths that they
have in the course, and a course.yaml that lists them:

  tests:
    - {stage: 2ab, name: TestLongPartition2AB, package: raft, weight: 2, seeds: 1-50}

With --on-reference, earlier stages are the solution's, as far as the chosen ones edit
other directories: 3b is graded on the solution's Raft, 3c on its stores. What is wrong
in a student's Raft costs nothing then.

With --out or a format other than table, DIR also gets a file for each submission
with its score board and failures.`,
		Example: `  lab grade alice.zip bob/ --stage 2a
  lab grade submissions/* --stage 3b --on-reference
  lab grade submissions/* --stage 2 --hidden ../hidden --format table,json --out results`,
		Args: cobra.MinimumNArgs(1),
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			c, err := a.course()
			if err != nil {
				return err
			}
			if hidden != "" {
				if _, err := os.Stat(filepath.Join(hidden, course.FileName)); err != nil {
					return usageError{fmt.Errorf("hidden tests need a list: %w", err)}
				}
				if c, err = c.WithHidden(hidden); err != nil {
					return err
				}
			}
			chosen, err := selection(c, stages)
			if err != nil {
				return err
			}
			runner, err := r.runner(a, true)
			if err != nil {
				return err
			}
			p := newProgress("submissions")
			defer p.stop()
			batch := grade.Batch{Course: c, Selection: chosen, Runner: runner, Hidden: hidden, OnReference: onReference, Progress: p.update}
			grades, err := batch.Run(cmd.Context(), args)
			if err != nil {
				return err
			}
			p.stop()
			if err := out.write(grades, "grades", a.tableOptions()); err != nil {
				return err
			}
			if cmd.Flags().Changed("out") || len(out.formats) > 1 || out.formats[0] != "table" {
				if err := out.rows(grades); err != nil {
					return err
				}
			}
			if !grades.Perfect() {
				return exit{exitFailed}
			}
			return nil
		}),
	}
	r.flags(cmd)
	out.flags(cmd)
	cmd.Flags().StringSliceVar(&stages, "stage", nil, "stages (or tests) to grade, `S` (default: all)")
	completeFlag(cmd, "stage", listCompletion(a.selectors))
	cmd.Flags().StringVar(&hidden, "hidden", "", "`DIR` with hidden tests")
	cmd.Flags().BoolVar(&onReference, "on-reference", false, "take only the directories that the stages edit, and all else from the solution")
	return cmd
}

var unsafeInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// rows writes a file for each submission, named after its row.
func (o *output) rows(grades *grade.Grades) error {
	used := map[string]bool{"grades": true}
	for _, row := range grades.Rows {
		name := unsafeInName.ReplaceAllString(row.Name, "_")
		if name == "" || name[0] == '.' {
			name = "_" + name
		}
		for base, n := name, 2; used[name]; n++ {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		used[name] = true
		if err := o.file(filepath.Join("submissions", name+".md"), row.WriteMarkdown); err != nil {
			return err
		}
	}
	return nil
}
