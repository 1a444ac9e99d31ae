package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/grade"
)

func (a *app) handoutCommand() *cobra.Command {
	var withAnswers bool
	cmd := &cobra.Command{
		Use:   "handout DIR",
		Short: "write the repository that students start from",
		Long: `Writes the course without its solution to DIR, which must be new or empty, as a
Git repository with one commit. The same tree always gives the same commit.

The answers to the questions of the guides are not in it, unless you ask for them.`,
		Example: `  lab handout ../handout
  lab handout ../mykv --with-answers`,
		Args: cobra.ExactArgs(1),
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			c, err := a.course()
			if err != nil {
				return err
			}
			if entries, err := os.ReadDir(args[0]); err == nil && len(entries) > 0 {
				return usageError{fmt.Errorf("%s is not empty: name a new or an empty directory", args[0])}
			}
			commit, err := grade.Handout(c, withAnswers).Write(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if commit == "" {
				fmt.Printf("%s holds the handout of version %s; git is not installed, so it is not a repository\n", args[0], c.Version)
			} else {
				fmt.Printf("%s holds the handout of version %s, commit %.12s\n", args[0], c.Version, commit)
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&withAnswers, "with-answers", false, "with the answers to the questions of the guides, for studying alone")
	return cmd
}
