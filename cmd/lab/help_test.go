package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/mutants"
)

// commands returns a command and all below it.
func commands(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		all = append(all, commands(sub)...)
	}
	return all
}

var traceName = regexp.MustCompile(`(Test\w+)-(\d+)\.jsonl$`)

// Each example in a help can be called as it stands, and the stages, tests, seeds and
// mutants that it names exist.
func TestExamples(t *testing.T) {
	c, err := course.Load("../..")
	require.NoError(t, err)
	examples := 0
	for _, documented := range commands(newApp().command()) {
		shown := documented.Example == "" || !documented.HasParent()
		for example := range strings.Lines(documented.Example) {
			line := strings.TrimSpace(example)
			line, _, _ = strings.Cut(line, "   ") // what it does
			words := strings.Fields(line)
			require.Equal(t, "lab", words[0], line)
			examples++

			root := newApp().command() // flags remember what was parsed
			cmd, args, err := root.Find(words[1:])
			require.NoError(t, err, line)
			shown = shown || documented.CommandPath() == cmd.CommandPath()
			require.NoError(t, cmd.ParseFlags(args), line)
			require.NoError(t, cmd.ValidateRequiredFlags(), line)
			require.NoError(t, cmd.ValidateFlagGroups(), line)
			require.NoError(t, cmd.ValidateArgs(cmd.Flags().Args()), line)
			args = cmd.Flags().Args()
			switch cmd.Name() {
			case "test", "watch", "fuzz", "status", "explain":
				_, err := c.Select(args...)
				require.NoError(t, err, line)
			case "replay":
				test, err := c.FindTest(args[0])
				require.NoError(t, err, line)
				require.NotEmpty(t, test.Seeds, line)
			case "grade", "autograder", "diagnose":
				stages, err := cmd.Flags().GetStringSlice("stage")
				require.NoError(t, err)
				_, err = c.Select(stages...)
				require.NoError(t, err, line)
			case "mutants":
				if _, err := os.Stat(filepath.Join(c.Root, "lab", "mutants", "2aa")); err != nil {
					break // a handout has none
				}
				_, err := selectMutants(c, args)
				require.NoError(t, err, line)
			case "variants":
				variants, err := mutants.LoadVariants(c.Root, c.Directives())
				require.NoError(t, err, line)
				for _, name := range args {
					require.True(t, slices.ContainsFunc(variants, func(v mutants.Mutant) bool { return v.Name == name }), line)
				}
			case "trace":
				m := traceName.FindStringSubmatch(args[0])
				require.NotNil(t, m, line)
				test, err := c.FindTest(m[1])
				require.NoError(t, err, line)
				require.NotEmpty(t, test.Seeds, line)
			case "view":
				name, seeded := args[0], cmd.Flags().Changed("seed")
				if m := traceName.FindStringSubmatch(name); m != nil {
					name, seeded = m[1], true
				}
				test, err := c.FindTest(name)
				require.NoError(t, err, line)
				require.True(t, seeded && len(test.Seeds) > 0, line)
			case "handout", "cluster", "merge", "play", "verify":
			default:
				t.Errorf("%s: this test does not know what the example may name", line)
			}
		}
		require.True(t, shown, "no example of %s calls it", documented.CommandPath())
	}
	require.Greater(t, examples, 20)
}

// The long text of a command names tests that exist, too.
func TestHelpNamesTests(t *testing.T) {
	c, err := course.Load("../..")
	require.NoError(t, err)
	hidden := map[string]bool{"TestLongPartition2AB": true} // of a course author's own
	for _, cmd := range commands(newApp().command()) {
		for _, name := range regexp.MustCompile(`\bTest\w+`).FindAllString(cmd.Long, -1) {
			_, ok := c.Test(name)
			require.True(t, ok || hidden[name], "%s: %s", cmd.CommandPath(), name)
		}
	}
}

func TestCompletion(t *testing.T) {
	root := counting(t)
	for args, want := range map[string]string{
		"test 2":                   "2\tCounting\n2a\tmany counters\n",
		"test testadd":             "TestAdd1\nTestAddSeeds1\n",
		"explain 1/":               "1/TestAdd1\n1/TestAddSeeds1\n",
		"watch 1/TestAddS":         "1/TestAddSeeds1\n",
		"replay testadds":          "TestAddSeeds1\n",
		"replay TestAdd1 Test":     "",
		"test --format table,j":    "table,json\ntable,junit\n",
		"grade x --stage 1,2":      "1,2\tCounting\n1,2a\tmany counters\n",
		"mutants 1/":               "1/" + mutantOf(t, root, "1") + "\n",
		"status 1":                 "1\tone counter\n",
		"fuzz --seed":              "",
		"test --format markdown,m": "markdown,markdown\n",
	} {
		code, stdout, stderr := lab(t, root, append([]string{"__complete"}, strings.Fields(args)...)...)
		require.Zero(t, code, stderr)
		if want == "" {
			continue
		}
		lines, _, _ := strings.Cut(stdout, "\n:")
		require.True(t, strings.HasPrefix(lines+"\n", want), "%s: %s", args, stdout)
	}
}

func TestVersionFlag(t *testing.T) {
	c, err := course.Load("../..")
	require.NoError(t, err)
	code, stdout, stderr := lab(t, t.TempDir(), "--version")
	require.Zero(t, code, stderr)
	require.Regexp(t, `^lab version `+regexp.QuoteMeta(c.Version.String())+` \(.*go1\.[0-9.]+.*\)\n$`, stdout)
}
