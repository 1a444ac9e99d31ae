//go:build cgo

package badger

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/Connor1996/badger/options"
	"github.com/Connor1996/badger/y"
	"github.com/DataDog/zstd"

	"github.com/labkv/labkv/kv/engine"
)

// checkTable reads a table and checks that its index fits its blocks, and that
// the blocks hold entries in order. Badger checks none of that: it panics over
// a broken index, also in goroutines of its own, and takes a block that cannot
// be decompressed for the end of the table. There are no checksums, so wrong
// bytes inside a value stay unnoticed.
func checkTable(path string, compression options.CompressionType) error {
	name := filepath.Base(path)
	data, err := os.ReadFile(path)
	if err != nil {
		if os.IsNotExist(err) {
			return corrupt(name, "is missing")
		}
		return err
	}
	blocks, ok := tableBlocks(data)
	if !ok {
		return corrupt(name, "is cut off or has an index that does not fit its blocks")
	}
	var last []byte
	for i, block := range blocks {
		if compression == options.ZSTD {
			if size, ok := contentSize(block); !ok || size > maxBlockSize {
				return corrupt(name, "has a block, number %d, of impossible size", i)
			}
			if block, err = zstd.Decompress(nil, block); err != nil {
				return corrupt(name, "has a block, number %d, that cannot be decompressed: %v", i, err)
			}
		}
		if last, ok = checkBlock(block, last); !ok {
			return corrupt(name, "has a block, number %d, whose entries are damaged", i)
		}
	}
	return nil
}

// maxBlockSize is what a block of the most and largest entries has, in bytes.
const maxBlockSize = 256 * (engine.MaxKeySize + engine.MaxValueSize + 1<<10)

// contentSize returns the size that a compressed block says it had, as section
// 3.1.1.1 of RFC 8878 defines it. The decompressor would allocate that much
// without a check.
func contentSize(block []byte) (size uint64, ok bool) {
	const magic = 0xFD2FB528
	if len(block) < 5 || binary.LittleEndian.Uint32(block) != magic {
		return 0, false
	}
	descriptor := block[4]
	single := descriptor>>5&1 == 1
	at := 5 + [4]int{0, 1, 2, 4}[descriptor&3] // after the id of a dictionary
	if !single {
		at++ // and the size of a window
	}
	var field [8]byte
	width := [4]int{0, 2, 4, 8}[descriptor>>6]
	if width == 0 && single {
		width = 1
	}
	if width == 0 || at+width > len(block) {
		return 0, false
	}
	copy(field[:], block[at:at+width])
	size = binary.LittleEndian.Uint64(field[:])
	if width == 2 {
		size += 256
	}
	return size, true
}

// tableBlocks returns the compressed blocks of a table. Its end, read
// backwards, consists of: a timestamp (8), the size of a second kind of index
// that the engine does not use (4), the hash index (3 each) and the number of
// its entries (4), the bloom filter and its size (4), the ends of the blocks (4
// each), the first keys of the blocks, the ends of these (4 each), and the
// number of blocks (4).
func tableBlocks(data []byte) (blocks [][]byte, ok bool) {
	ok = true
	take := func(n int) []byte {
		if n < 0 || n > len(data) {
			ok, n = false, 0
		}
		part := data[len(data)-n:]
		data = data[:len(data)-n]
		return part
	}
	number := func() int {
		if b := take(4); len(b) == 4 {
			return int(binary.LittleEndian.Uint32(b))
		}
		return 0
	}
	take(8)
	if number() != 0 {
		return nil, false
	}
	take(3 * number())
	take(number())
	n := number()
	keyEnds := numbers(take(4 * n))
	if !ok || n == 0 || !slices.IsSorted(keyEnds) {
		return nil, false
	}
	take(int(keyEnds[n-1]))
	ends := numbers(take(4 * n))
	if !ok || !slices.IsSorted(ends) || int(ends[n-1]) != len(data) {
		return nil, false
	}
	start := uint32(0)
	for _, end := range ends {
		blocks = append(blocks, data[start:end])
		start = end
	}
	return blocks, true
}

// numbers decodes 32-bit numbers.
func numbers(b []byte) []uint32 {
	ns := make([]uint32, len(b)/4)
	for i := range ns {
		ns[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return ns
}

// checkBlock checks a block whose keys must be greater than last, and returns
// its last key. After the entries it has their ends (4 each) and their number
// (4). An entry is the length of the prefix that its key shares with the first
// key (2), the length of the rest of the key (2), the rest, and the value with
// two bytes before it.
func checkBlock(block, last []byte) ([]byte, bool) {
	if len(block) < 4 {
		return nil, false
	}
	n := int(binary.LittleEndian.Uint32(block[len(block)-4:]))
	block = block[:len(block)-4]
	if n == 0 || n > len(block)/4 {
		return nil, false
	}
	ends := numbers(block[len(block)-4*n:])
	block = block[:len(block)-4*n]
	if !slices.IsSorted(ends) || int(ends[n-1]) != len(block) {
		return nil, false
	}
	var first []byte
	start := uint32(0)
	for _, end := range ends {
		entry := block[start:end]
		start = end
		if len(entry) < 4 {
			return nil, false
		}
		shared, rest := int(binary.NativeEndian.Uint16(entry)), int(binary.NativeEndian.Uint16(entry[2:]))
		entry = entry[4:]
		if shared > len(first) || shared+rest > math.MaxUint16 || shared+rest < 8 || len(entry) < rest+2 {
			return nil, false
		}
		key := make([]byte, 0, shared+rest)
		key = append(append(key, first[:shared]...), entry[:rest]...)
		if first == nil {
			first = key
		}
		if len(last) > 0 && y.CompareKeysWithVer(last, key) >= 0 {
			return nil, false
		}
		last = key
	}
	return last, true
}
