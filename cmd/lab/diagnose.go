package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/diagnose"
	"github.com/labkv/labkv/lab/grade"
)

func (a *app) diagnoseCommand() *cobra.Command {
	var r running
	var stages []string
	var hints int
	var format string
	cmd := &cobra.Command{
		Use:   "diagnose SUBMISSION",
		Short: "say which known mistakes a submission is nearest to",
		Long: `Runs the tests on a submission, up to the first stage that it does not pass, and
compares how they fail with how the wrong solutions of the catalog fail them. It prints
at most three themes, the nearest first, each as a ladder of hints:

  1  the guarantee that broke, with its source
  2  where the guide states it
  3  a question that leads to the mistake
  4  what a wrong solution of the catalog that fails alike does wrong

By default it goes down to the question if the theme is near enough, and to the guide
otherwise; the JSON form has all steps. It shows no code, and says so if nothing in the
catalog is near.

A submission is a directory or an archive, as for "lab grade". It runs a few seeds of
each test, and is no grade.`,
		Example: `  lab diagnose alice.zip
  lab diagnose bob/ --stage 2a --hints 4
  lab diagnose carol.zip --format json`,
		Args: cobra.ExactArgs(1),
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			if hints < 0 || hints > diagnose.Mistake {
				return usageError{errors.New("--hints is 1, 2, 3 or 4")}
			}
			if format != "table" && format != "json" {
				return usageError{errors.New("--format is table or json" + course.DidYouMean(format, []string{"table", "json"}))}
			}
			c, err := a.course()
			if err != nil {
				return err
			}
			chosen, err := selection(c, stages)
			if err != nil {
				return err
			}
			catalog, err := diagnose.Load(c)
			if err != nil {
				return err
			}
			runner, err := r.runner(a, true)
			if err != nil {
				return err
			}
			batch := grade.Batch{Course: c, Selection: chosen, Runner: runner}
			signature, err := batch.Signature(cmd.Context(), args[0], catalog.Broad)
			var rejection *grade.Rejection
			if errors.As(err, &rejection) {
				return usageError{errors.New(args[0] + ": " + rejection.Reason)}
			}
			if err != nil {
				return err
			}
			diagnosis := catalog.Diagnose(signature)
			if format == "json" {
				return catalog.WriteJSON(os.Stdout, diagnosis, hints)
			}
			return catalog.WriteText(os.Stdout, diagnosis, hints)
		}),
	}
	r.flags(cmd)
	r.confinedFlags(cmd)
	cmd.Flags().StringSliceVar(&stages, "stage", nil, "stages (or tests) to run, `S` (default: all)")
	completeFlag(cmd, "stage", listCompletion(a.selectors))
	cmd.Flags().IntVar(&hints, "hints", 0, "how many steps of the ladder to show, `N`: 1 to 4")
	cmd.Flags().StringVar(&format, "format", "table", "table or json, on standard output")
	return cmd
}
