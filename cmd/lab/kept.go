package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// treeFile is the file in each directory of programs that names the tree they are of.
const treeFile = "tree"

// programsOf returns the directory for the programs of the course at root: always the
// same, because programs that are there are built again only if their source has changed,
// and not in the course's tree, which is handed in. Programs of trees that are gone are
// removed.
func programsOf(root string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	root, err = filepath.Abs(root)
	if err != nil {
		return "", err
	}
	all := filepath.Join(cache, "labkv")
	dir := filepath.Join(all, fmt.Sprintf("%x", sha256.Sum256([]byte(root)))[:12])
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, treeFile), []byte(root), 0o600); err != nil {
		return "", err
	}
	removeOrphans(all)
	return dir, nil
}

// removeOrphans removes the directories below all of trees that are gone. What cannot
// be removed stays.
func removeOrphans(all string) {
	named, _ := filepath.Glob(filepath.Join(all, "*", treeFile))
	for _, name := range named {
		root, err := os.ReadFile(name)
		if err != nil || len(root) == 0 { // empty while it is being written
			continue
		}
		if _, err := os.Stat(string(root)); errors.Is(err, fs.ErrNotExist) {
			_ = os.RemoveAll(filepath.Dir(name))
		}
	}
}
