package main

import (
	"os"

	"github.com/labkv/labkv/lab/mutants"
	"github.com/spf13/cobra"
)

func (a *app) mutantsCommand() *cobra.Command {
	var r running
	cmd := &cobra.Command{
		Use:   "mutants [STAGE ...]",
		Short: "run the catalog of wrong solutions against the tests",
		Long: `Runs every wrong solution of the catalog against the graded tests of its stage,
and prints what killed it. A wrong solution that passes is a hole in the tests. The
last line is "killed N/N".`,
		Example: `  lab mutants
  lab mutants 2aa 2ab --jobs 4`,
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			c, err := a.course()
			if err != nil {
				return err
			}
			stages, err := c.SelectStages(args...)
			if err != nil {
				return usageError{err}
			}
			var want []string
			for _, s := range stages {
				want = append(want, s.Directive())
			}
			catalog, err := mutants.Load(c.Root, c.Directives(), want...)
			if err != nil {
				return err
			}
			runner, err := r.runner(false)
			if err != nil {
				return err
			}
			b := a.newBar("building")
			defer b.stop()
			runner.Progress = b.update
			kills, err := runner.RunMutants(cmd.Context(), c, catalog)
			if err != nil {
				return err
			}
			b.stop()
			if err := kills.WriteTable(os.Stdout, a.tableOptions()); err != nil {
				return err
			}
			if len(kills.Survivors()) > 0 {
				return exit{exitFailed}
			}
			return nil
		}),
	}
	r.flags(cmd)
	return cmd
}
