//go:build !unix

package snapdir

// syncDir does nothing: directories cannot be synced here.
func syncDir(string) error { return nil }
