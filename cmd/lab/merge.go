package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/grade"
)

func (a *app) mergeCommand() *cobra.Command {
	var out output
	var hidden string
	cmd := &cobra.Command{
		Use:   "merge DIR ...",
		Short: "put together what lab grade --shard has graded on several machines",
		Long: `Reads grades.json in each DIR, which lab grade --shard K/N --format json --out DIR has
written, and writes the grades of the whole as lab grade writes them. A submission that
no part has is an error.`,
		Example: `  lab grade ../submissions/* --shard 1/2 --format json --out ../part1
  lab grade ../submissions/* --shard 2/2 --format json --out ../part2
  lab merge ../part1 ../part2 --format table,json --out ../results`,
		Args: cobra.MinimumNArgs(1),
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			c, err := a.courseWith(hidden)
			if err != nil {
				return err
			}
			parts := map[string][]byte{}
			for _, dir := range args {
				name := filepath.Join(dir, "grades.json")
				if parts[name], err = os.ReadFile(name); os.IsNotExist(err) {
					return usageError{fmt.Errorf("there is no %s, which lab grade --format json --out %s writes", name, dir)}
				} else if err != nil {
					return usageError{err}
				}
			}
			grades, err := grade.ReadGrades(c, parts)
			if err != nil {
				return usageError{err}
			}
			if missing := grades.Missing(); len(missing) > 0 {
				return usageError{fmt.Errorf("these parts have %d submissions, but not number %d of the command line, which they were graded with: is a part missing?", len(grades.Rows), missing[0])}
			}
			if err := out.write(grades, "grades", a.tableOptions()); err != nil {
				return err
			}
			if out.saves(cmd) {
				keep := keeper{&out}
				for _, row := range grades.Rows {
					if err := keep.save(grades, row); err != nil {
						return err
					}
				}
			}
			if !grades.Perfect() {
				return exit{exitFailed}
			}
			return nil
		}),
	}
	out.flags(cmd)
	cmd.Flags().StringVar(&hidden, "hidden", "", "`DIR` with the hidden tests that were graded with")
	return cmd
}
