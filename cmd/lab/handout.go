package main

import (
	"fmt"
	"os"

	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/overlay"
	"github.com/spf13/cobra"
)

func (a *app) handoutCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "handout DIR",
		Short: "write the repository that students start from",
		Long: `Writes the course without its solution to DIR, which must be new or empty, as a
Git repository with one commit. The same tree always gives the same commit.`,
		Example: `  lab handout ../handout`,
		Args:    cobra.ExactArgs(1),
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			c, err := a.course()
			if err != nil {
				return err
			}
			if entries, err := os.ReadDir(args[0]); err == nil && len(entries) > 0 {
				return usageError{fmt.Errorf("%s is not empty: name a new or an empty directory", args[0])}
			}
			h := overlay.Handout{Tree: grade.SourceTree(c), Exclude: c.Exclude}
			commit, err := h.Write(cmd.Context(), args[0])
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
}
