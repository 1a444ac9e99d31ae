package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/grade"
)

func (a *app) verifyCommand() *cobra.Command {
	var r running
	var hidden string
	cmd := &cobra.Command{
		Use:   "verify RECEIPT SUBMISSION",
		Short: "prove a grade: grade again what a receipt says was graded",
		Long: `Grades a submission again with the tests of a receipt, and compares. A receipt is
written by lab grade; it states the submission, the tests, and each verdict with the
digest of what happened in its runs, by which two runs on any machines can be compared.

Exit code 0: all is as the receipt says. 1: something is not; each difference has a
line. The tree must be the version of the course that the receipt names.`,
		Example: `  lab verify ../results/receipts/alice.json alice.zip`,
		Args:    cobra.ExactArgs(2),
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return usageError{err}
			}
			receipt, err := grade.ReadReceipt(data)
			if err != nil {
				return usageError{fmt.Errorf("%s: %w", args[0], err)}
			}
			c, err := a.courseWith(hidden)
			if err != nil {
				return err
			}
			chosen, err := c.Select(receipt.Selectors()...)
			if err != nil || len(receipt.Stages) == 0 {
				return usageError{fmt.Errorf("%s is of %s %s, and this tree does not have its tests: check out that version, and give the same --hidden tests", args[0], receipt.Course, receipt.Version)}
			}
			if !isThere(args[1]) {
				return usageError{fmt.Errorf("there is no %s", args[1])}
			}
			runner, err := r.runner(a, true)
			if err != nil {
				return err
			}
			p := newProgress("grading")
			runner.Progress = p.update
			defer p.stop()
			batch := grade.Batch{Course: c, Selection: chosen, Runner: runner, Hidden: hidden, OnReference: receipt.OnReference}
			grades, err := batch.Run(cmd.Context(), args[1:])
			if err != nil {
				return err
			}
			p.stop()
			row := grades.Rows[0]
			if row.Receipt == nil {
				fmt.Printf("%s is rejected: %s\n", args[1], row.Note)
				return exit{exitFailed}
			}
			differences := receipt.Differences(row.Receipt)
			for _, difference := range differences {
				fmt.Println(difference)
			}
			if len(differences) > 0 {
				return exit{exitFailed}
			}
			fmt.Printf("verified: %s/%s points, as the receipt says\n", receipt.Score, receipt.Points)
			return nil
		}),
	}
	r.flags(cmd)
	r.confinedFlags(cmd)
	cmd.Flags().StringVar(&hidden, "hidden", "", "`DIR` with the hidden tests that were graded with")
	return cmd
}
