package overlay

import (
	"go/format"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/labkv/labkv/lab/overlay/source"
)

// Whatever parses is either refused for its directives or becomes something that parses:
// never a panic, never a broken file.
func FuzzSkeleton(f *testing.F) {
	archives, err := filepath.Glob("testdata/*.txtar")
	require.NoError(f, err)
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		require.NoError(f, err)
		for _, file := range archive.Files {
			f.Add(string(file.Data), "2AA", true)
			f.Add(strings.ReplaceAll(string(file.Data), "\n", "\r\n"), "", false)
		}
	}
	for _, src := range []string{
		"package p; type t struct { a int; b struct {\nx int\n} //lab:private\n\nc int //lab:private\n\n}",
		"package p\n//lab:private\nfunc a() {}; func b() {} // about b\n",
		"package p\n//lab:private\nfunc a() {} /* x\n*/ // y\nfunc b() {}",
		"package p; import (\"a\"; \"b\" // c\n); func f() { a.F(); b.F() }\n//lab:implement 1\nfunc g() {}",
	} {
		f.Add(src, "1", true)
	}
	dir, err := os.ReadFile("directive.go")
	require.NoError(f, err)
	f.Add(string(dir), "1", true)

	f.Fuzz(func(t *testing.T, src, kept string, private bool) {
		fsys := fstest.MapFS{"p/p.go": {Data: []byte(src)}}
		keep := func(stage string) bool { return stage == kept }
		p, mistakes := load(fsys, "p", []string{"1", "2AA", "2AB"})
		if len(mistakes) > 0 {
			return
		}
		changed := map[string][]byte{}
		for _, m := range p.rewrite(keep, Private(private), changed) {
			require.NotContains(t, m.Msg, "does not parse")
		}
		for name, content := range changed {
			if content == nil {
				continue
			}
			_, err := source.Parse(name, content)
			require.NoError(t, err)
			_, err = format.Source(content)
			require.NoError(t, err)
		}

		unchanged := map[string][]byte{}
		require.Empty(t, p.rewrite(func(string) bool { return true }, KeepPrivate, unchanged))
		require.Empty(t, unchanged)
	})
}
