package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
)

func (a *app) gradeCommand() *cobra.Command {
	var r running
	var out output
	var stages []string
	var hidden string
	var onReference, resume bool
	var part shard
	var on onPlatform
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

Where submissions cannot be confined, nothing is run, and the exit code is 4: as root,
on other systems than Linux, and on a kernel without Landlock or seccomp. With
--unconfined they are run all the same, with what can be enforced.

With --out or a format other than table, DIR also gets, for each submission as soon as
it is graded, its row in submissions/NAME.json, what its author gets to read in
submissions/NAME.md, and a receipt in receipts/NAME.json, which lab verify proves. A run
that is interrupted goes on with --resume.`,
		Example: `  lab grade alice.zip bob/ --stage 2a
  lab grade ../submissions/* --stage 3b --on-reference
  lab grade ../submissions/* --out ../results --resume
  lab grade ../submissions/* --stage 2 --hidden ../hidden --format table,json --out ../results`,
		Args: cobra.MinimumNArgs(1),
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			err := out.checkOne(len(args))
			if err != nil {
				return err
			}
			if out.platform, err = on.load(); err != nil {
				return err
			}
			c, err := a.courseWith(hidden)
			if err != nil {
				return err
			}
			chosen, err := selection(c, stages)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(args, isThere) {
				return usageError{fmt.Errorf("there is no %s", strings.Join(args, ", no "))}
			}
			runner, err := r.runner(a, true)
			if err != nil {
				return err
			}
			if out.platform != nil {
				chosen = out.platform.Select(chosen)
			}
			p := newProgress("submissions")
			defer p.stop()
			keep := keeper{&out}
			saves := resume || out.saves(cmd)
			log := !term.IsTerminal(int(os.Stderr.Fd()))
			batch := grade.Batch{
				Course: c, Selection: chosen, Runner: runner, Hidden: hidden, OnReference: onReference,
				Shard: part.Shard, Progress: p.update,
				Done: func(grades *grade.Grades, row *grade.Row) error {
					if log {
						fmt.Fprintln(os.Stderr, rowLine(grades, row, len(args)))
					}
					if saves {
						return keep.save(grades, row)
					}
					return nil
				},
			}
			if resume {
				batch.Kept = keep.kept
			}
			run := batch.Run
			if slices.Contains(out.formats, "gradescope") {
				run = func(ctx context.Context, submissions []string) (*grade.Grades, error) {
					return keeping(ctx, &batch, submissions, &out)
				}
			}
			grades, failure := run(cmd.Context(), args)
			p.stop()
			if failure != nil && (grades == nil || len(grades.Rows) == 0) {
				return failure
			}
			// What is done is not lost with what is not.
			if err := out.write(grades, "grades", a.tableOptions()); err != nil {
				return err
			}
			if failure != nil {
				fmt.Fprintf(os.Stderr, "lab: %d of %d submissions are done", len(grades.Rows), len(args))
				if saves {
					fmt.Fprintf(os.Stderr, "; the same command with --resume grades the others")
				}
				fmt.Fprintln(os.Stderr)
				return failure
			}
			if !grades.Perfect() {
				return exit{exitFailed}
			}
			return nil
		}),
	}
	r.flags(cmd)
	r.confinedFlags(cmd)
	out.flags(cmd)
	on.flags(cmd)
	cmd.Flags().StringSliceVar(&stages, "stage", nil, "stages (or tests) to grade, `S` (default: all)")
	completeFlag(cmd, "stage", listCompletion(a.selectors))
	cmd.Flags().StringVar(&hidden, "hidden", "", "`DIR` with hidden tests")
	cmd.Flags().BoolVar(&onReference, "on-reference", false, "take only the directories that the stages edit, and all else from the solution")
	cmd.Flags().BoolVar(&resume, "resume", false, "take from --out what an interrupted run has graded there with the same tests")
	cmd.Flags().Var(&part, "shard", "grade part `K/N` of the submissions, on one of N machines; lab merge puts the parts together")
	return cmd
}

// isThere reports whether there is a file or a directory of a name. Where a pattern such as
// submissions/* matches nothing, shells leave it as it is.
func isThere(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// confinedFlags are the flags of commands that run the code of others.
func (r *running) confinedFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&r.unconfined, "unconfined", false, "run submissions even where they cannot be confined")
}

// courseWith is course with the hidden tests in a directory, if that is not "".
func (a *app) courseWith(hidden string) (*course.Course, error) {
	c, err := a.course()
	if err != nil || hidden == "" {
		return c, err
	}
	if _, err := os.Stat(filepath.Join(hidden, course.FileName)); err != nil {
		return nil, usageError{fmt.Errorf("hidden tests need a list: %w", err)}
	}
	return c.WithHidden(hidden)
}

// saves reports whether files are written.
func (o *output) saves(cmd *cobra.Command) bool {
	return cmd.Flags().Changed("out") || len(o.formats) > 1 || o.formats[0] != "table"
}

// A keeper saves the row of each submission as soon as it is there, and finds those that an
// earlier run has saved.
type keeper struct {
	out *output
}

// save writes what is about one submission: its row and receipt in JSON, and what its author
// gets to read.
func (k keeper) save(grades *grade.Grades, row *grade.Row) error {
	base := filepath.Join("submissions", row.File)
	if err := k.out.file(base+".md", row.WriteMarkdown); err != nil {
		return err
	}
	if row.Receipt != nil {
		if err := k.out.file(filepath.Join("receipts", row.File+".json"), row.Receipt.WriteJSON); err != nil {
			return err
		}
	}
	// The row comes last, and in one piece: what there is of it is whole, and so are the others.
	partial := base + ".json.part"
	if err := k.out.file(partial, func(w io.Writer) error { return grades.WriteRow(w, row) }); err != nil {
		return err
	}
	return os.Rename(filepath.Join(k.out.dir, partial), filepath.Join(k.out.dir, base+".json"))
}

// kept returns the row that is saved under a name, or nil.
func (k keeper) kept(grades *grade.Grades, file string) *grade.Row {
	data, err := os.ReadFile(filepath.Join(k.out.dir, "submissions", file+".json"))
	if err != nil {
		return nil
	}
	row, err := grades.ReadRow(data)
	if err != nil {
		return nil // of other tests, or of another version
	}
	return row
}

// rowLine says in one line what became of a submission, for a log.
func rowLine(grades *grade.Grades, row *grade.Row, total int) string {
	line := fmt.Sprintf("%d/%d  %s  %s", row.Place, total, row.Name, grades.Total(row))
	if row.Status == grade.Rejected {
		line += "  rejected"
	}
	if row.Note != "" {
		line += "  " + row.Note
	}
	return line
}
