package overlay

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/pingcap/errors"
)

// WriteOverlay writes files below scratch and returns the path of the JSON file
// that go build -overlay takes. files maps slash-separated paths relative to
// root to contents, as [Tree.Skeleton] returns them; a nil content makes the
// file invisible to the go command, and a path that does not exist becomes a
// new file. scratch must exist; what is in it from an earlier call is
// overwritten.
//
// The go command compares absolute paths by their text, so it must run in root,
// under the name given here.
func WriteOverlay(scratch, root string, files map[string][]byte) (arg string, err error) {
	defer func() { err = errors.Annotate(err, "write build overlay") }()
	if root, err = filepath.Abs(root); err != nil {
		return "", err
	}
	if scratch, err = filepath.Abs(scratch); err != nil {
		return "", err
	}
	dir, err := os.OpenRoot(scratch)
	if err != nil {
		return "", err
	}
	defer dir.Close()

	// The go command does not look into directories that begin with "_", so that
	// scratch can be inside a module.
	const below = "_overlay"
	replace := make(map[string]string, len(files))
	for name, content := range files {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return "", errors.Errorf("%s is not a path below the root", name)
		}
		target := filepath.Join(root, filepath.FromSlash(name))
		if content == nil {
			replace[target] = ""
			continue
		}
		rel := filepath.Join(below, filepath.FromSlash(name))
		if err := dir.MkdirAll(filepath.Dir(rel), 0o755); err != nil {
			return "", err
		}
		if err := dir.WriteFile(rel, content, 0o644); err != nil {
			return "", err
		}
		replace[target] = filepath.Join(scratch, rel)
	}
	text, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return "", err
	}
	if err := dir.WriteFile("overlay.json", text, 0o644); err != nil {
		return "", err
	}
	return filepath.Join(scratch, "overlay.json"), nil
}
