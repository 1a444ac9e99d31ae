package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// This file completes words in a shell.

type completer = func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective)

// selectors returns the stages, and what contains them, that begin with a word;
// and tests if it begins like one.
func (a *app) selectors(word string) []cobra.Completion {
	if slash := strings.IndexByte(word, '/'); slash >= 0 {
		return a.tests(word)
	}
	c, err := a.course()
	if err != nil {
		return nil
	}
	titles := map[string]string{}
	var names []string
	for _, s := range c.Stages() {
		for n := 1; n <= len(s.ID); n++ {
			name, title := s.ID[:n], s.Project.Title
			if _, known := titles[name]; known {
				continue
			}
			if n == len(s.ID) {
				title = s.Title
			}
			titles[name] = title
			names = append(names, name)
		}
	}
	var found []cobra.Completion
	for _, name := range names {
		if begins(name, word) {
			found = append(found, cobra.CompletionWithDesc(name, titles[name]))
		}
	}
	if word != "" {
		found = append(found, a.tests(word)...)
	}
	return found
}

// tests returns the tests that begin with a word; with their stage, if the word
// has one.
func (a *app) tests(word string) []cobra.Completion {
	c, err := a.course()
	if err != nil {
		return nil
	}
	prefix := ""
	stages := c.Stages()
	if stage, rest, within := strings.Cut(word, "/"); within {
		if stages, err = c.SelectStages(stage); err != nil {
			return nil
		}
		prefix, word = stage+"/", rest
	}
	var found []cobra.Completion
	for _, s := range stages {
		for _, test := range s.Tests {
			if begins(test.Name, word) {
				found = append(found, prefix+test.Name)
			}
		}
	}
	return found
}

func begins(name, word string) bool {
	return len(name) >= len(word) && strings.EqualFold(name[:len(word)], word)
}

func (a *app) completeSelectors(_ *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.selectors(word), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeTest(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.tests(word), cobra.ShellCompDirectiveNoFileComp
}

// listCompletion completes the last word of a list with commas.
func listCompletion(names func(word string) []cobra.Completion) completer {
	return func(_ *cobra.Command, _ []string, list string) ([]cobra.Completion, cobra.ShellCompDirective) {
		before, word := list[:strings.LastIndexByte(list, ',')+1], list[strings.LastIndexByte(list, ',')+1:]
		var found []cobra.Completion
		for _, name := range names(word) {
			if begins(name, word) {
				found = append(found, before+name)
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFlag completes the values of a flag, which must exist.
func completeFlag(cmd *cobra.Command, flag string, c completer) {
	if err := cmd.RegisterFlagCompletionFunc(flag, c); err != nil {
		panic(err)
	}
}
