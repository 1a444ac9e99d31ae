//go:build cgo

package badger

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/Connor1996/badger"
	"github.com/Connor1996/badger/table"
	"github.com/Connor1996/badger/y"
)

const (
	manifestHeader = 8 // magic and version
	changeHeader   = 8 // length and checksum
	// maxChange bounds a plausible record of the manifest, in bytes. A
	// record describes the tables that one flush or compaction added and
	// removed.
	maxChange = 64 << 20
)

// A logPosition is a place in the log.
type logPosition struct {
	file   uint32
	offset uint32
}

// checkManifest checks the manifest of dir and the tables that it lists, and
// returns the position where the replay of the log will start. Badger would
// read a manifest that is damaged in the middle as a shorter one, and delete
// all tables that the shorter one does not list.
func checkManifest(dir string) (logPosition, error) {
	const name = badger.ManifestFilename
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		if os.IsNotExist(err) {
			return logPosition{}, corrupt(name, "is missing")
		}
		return logPosition{}, err
	}
	if len(data) < manifestHeader {
		return logPosition{}, corrupt(name, "is cut off")
	}
	for rest := data[manifestHeader:]; len(rest) >= changeHeader; {
		size, sum := int(binary.BigEndian.Uint32(rest)), binary.BigEndian.Uint32(rest[4:])
		at := len(data) - len(rest)
		rest = rest[changeHeader:]
		if size > maxChange {
			return logPosition{}, corrupt(name, "has a record of impossible size at byte %d", at)
		}
		if size > len(rest) {
			break // a crash tore the last record
		}
		// A torn record may have its full length in the file system
		// before it has its contents, but then nothing follows it.
		if crc32.Checksum(rest[:size], y.CastagnoliCrcTable) != sum && size < len(rest) {
			return logPosition{}, corrupt(name, "has a record with a wrong checksum at byte %d", at)
		}
		rest = rest[size:]
	}

	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return logPosition{}, err
	}
	defer f.Close()
	manifest, _, err := badger.ReplayManifestFile(f)
	if err != nil {
		return logPosition{}, corrupt(name, "cannot be read: %v", err)
	}
	for id := range manifest.Tables {
		if err := checkTable(table.NewFilename(id, dir), manifest.Tables[id].Compression); err != nil {
			return logPosition{}, err
		}
	}
	if manifest.Head == nil {
		return logPosition{}, nil
	}
	return logPosition{manifest.Head.LogID, manifest.Head.LogOffset}, nil
}
