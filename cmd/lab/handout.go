package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/overlay"
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
			if err := nothingOfStudents(cmd.Context(), c); err != nil {
				return err
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

// ofStudents matches what is in a folder of submissions or grades.
var ofStudents = regexp.MustCompile(`(?i)(\.zip|\.tar|\.tgz|\.tar\.gz|(^|/)grades\.(json|csv|html|xml)|(^|/)receipts/[^/]+\.json)$`)

// nothingOfStudents finds submissions, grades and hidden tests among the files of the tree
// that handouts do not exclude: whatever lies there is handed out.
func nothingOfStudents(ctx context.Context, c *course.Course) error {
	names, err := overlay.Files(ctx, c.Root)
	if err != nil {
		return err
	}
	excluded := func(name string) bool {
		return slices.ContainsFunc(c.Handout.Exclude, func(pattern string) bool {
			g, err := overlay.ParseGlob(pattern)
			return err == nil && g.Match(name)
		})
	}
	for _, name := range names {
		if slices.Contains(strings.Split(name, "/"), "testdata") || excluded(name) {
			continue
		}
		if ofStudents.MatchString(name) || path.Base(name) == course.FileName && name != course.FileName {
			return usageError{fmt.Errorf("%s is in the tree, and so students would get it: keep submissions, grades and hidden tests outside of the tree, or in its folder out", name)}
		}
	}
	return nil
}
