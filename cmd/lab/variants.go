package main

import (
	"os"
	"slices"

	"github.com/pingcap/errors"
	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/mutants"
)

func (a *app) variantsCommand() *cobra.Command {
	var r running
	cmd := &cobra.Command{
		Use:   "variants [VARIANT ...]",
		Short: "run right solutions of another shape, which must pass",
		Long: `Runs the graded tests on every variant of the catalog: a solution that is as right
as the reference and does something in another way. A test that fails one asks for
the reference's way instead of the guarantee. The last line is "passed N/N".`,
		Example: `  lab variants
  lab variants stop-and-wait`,
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			c, err := a.course()
			if err != nil {
				return err
			}
			variants, err := mutants.LoadVariants(c.Root, c.Directives())
			if err != nil {
				return err
			}
			for _, name := range args {
				if !slices.ContainsFunc(variants, func(v mutants.Mutant) bool { return v.Name == name }) {
					return usageError{errors.Errorf("there is no variant %s: the files in %s are the variants", name, mutants.VariantsDir)}
				}
			}
			if len(args) > 0 {
				variants = slices.DeleteFunc(variants, func(v mutants.Mutant) bool { return !slices.Contains(args, v.Name) })
			}
			runner, err := r.runner(a, false)
			if err != nil {
				return err
			}
			p := newProgress("building")
			defer p.stop()
			runner.Progress = p.update
			built, err := runner.BuildWith(cmd.Context(), c, variants)
			if err != nil {
				return err
			}
			defer built.Close()
			trials, err := runner.RunVariants(cmd.Context(), built, variants)
			if err != nil {
				return err
			}
			p.stop()
			if err := trials.WriteTable(os.Stdout, a.tableOptions()); err != nil {
				return err
			}
			if !trials.Passed() {
				return exit{exitFailed}
			}
			return nil
		}),
	}
	r.flags(cmd)
	return cmd
}
