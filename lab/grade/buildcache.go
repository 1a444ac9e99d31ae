package grade

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	stderrors "errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pingcap/errors"
)

// buildCache is the build cache of one submission. It reads the user's, and stores what
// is new in a directory of its own, so that nothing of a submission stays behind. The go
// command starts it as its GOCACHEPROG and speaks to it over a pipe.
type buildCache struct {
	shared string // the user's build cache, which is only read
	own    string // where new entries go, in the same format
	limit  int64  // bytes in own
	used   int64
}

// A cacheRequest is a line of what the go command says to its cache program. A body,
// as a JSON string in base64, follows it.
type cacheRequest struct {
	ID       int64
	Command  string
	ActionID []byte
	OutputID []byte
	BodySize int64
}

// A cacheResponse answers the request that has its ID. The first has none, and says what
// the program can do.
type cacheResponse struct {
	ID            int64
	Err           string     `json:",omitempty"`
	KnownCommands []string   `json:",omitempty"`
	Miss          bool       `json:",omitempty"`
	OutputID      []byte     `json:",omitempty"`
	Size          int64      `json:",omitempty"`
	Time          *time.Time `json:",omitempty"`
	DiskPath      string     `json:",omitempty"`
}

// cacheFull is what the cache program says before it ends because its limit is reached.
// An error in its response would not do: the go command goes on without a cache then.
const cacheFull = "lab: the build cache of the submission is full"

// hashSize is the size of the keys of a build cache.
const hashSize = 32

// buildCacheMain is the cache program.
func buildCacheMain(args []string) error {
	var c buildCache
	flags := flag.NewFlagSet("cache", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.shared, "shared", "", "the user's build cache")
	flags.StringVar(&c.own, "own", "", "directory for what is new")
	flags.Int64Var(&c.limit, "limit", 0, "bytes of what is new")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if c.shared == "" || c.own == "" || c.limit <= 0 || flags.NArg() > 0 {
		return errors.New("cache: -shared, -own and -limit are required")
	}
	used, err := sizeOf(c.own)
	if err != nil {
		return errors.Annotate(err, "cache")
	}
	c.used = used
	return errors.Annotate(c.serve(os.Stdin, os.Stdout), "cache")
}

// serve answers requests until the go command says that it is done, or is gone.
func (c *buildCache) serve(from io.Reader, to io.Writer) error {
	in, out := bufio.NewReader(from), json.NewEncoder(to)
	if err := out.Encode(cacheResponse{KnownCommands: []string{"get", "put", "close"}}); err != nil {
		return errors.Trace(err)
	}
	for {
		line, err := nextLine(in)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return errors.Trace(err)
		}
		var request cacheRequest
		if err := json.Unmarshal(line, &request); err != nil {
			return errors.Annotate(err, "request")
		}
		response := cacheResponse{ID: request.ID, Miss: true}
		switch request.Command {
		case "get":
			for _, dir := range []string{c.own, c.shared} {
				if found, ok := cached(dir, request.ActionID); ok {
					response = found
					response.ID = request.ID
					break
				}
			}
		case "put":
			path, err := c.put(request, in)
			if err != nil {
				return err
			}
			response = cacheResponse{ID: request.ID, DiskPath: path}
		case "close":
			return errors.Trace(out.Encode(cacheResponse{ID: request.ID}))
		default:
			response = cacheResponse{ID: request.ID, Err: "unknown command " + strconv.Quote(request.Command)}
		}
		if err := out.Encode(response); err != nil {
			return errors.Trace(err)
		}
	}
}

// nextLine returns the next line that is not empty.
func nextLine(in *bufio.Reader) ([]byte, error) {
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		if len(line) > 1 {
			return line, nil
		}
	}
}

// put stores the body of a request, which comes next in in, and returns its file.
func (c *buildCache) put(r cacheRequest, in *bufio.Reader) (string, error) {
	if len(r.ActionID) != hashSize || len(r.OutputID) != hashSize || r.BodySize < 0 {
		return "", errors.New("put: wrong size of an ID or of the body")
	}
	if c.used += r.BodySize; c.used > c.limit {
		return "", errors.New(cacheFull)
	}
	body := io.Reader(strings.NewReader(""))
	if r.BodySize > 0 {
		if quote, err := skipBlank(in); err != nil || quote != '"' {
			return "", errors.Errorf("put: no body: %q, %v", quote, err)
		}
		encoded := io.LimitReader(in, int64(base64.StdEncoding.EncodedLen(int(r.BodySize))))
		body = base64.NewDecoder(base64.StdEncoding, encoded)
	}
	path := cacheFile(c.own, r.OutputID, "d")
	if err := writeWhole(path, body, r.BodySize); err != nil {
		return "", errors.Trace(err)
	}
	if r.BodySize > 0 {
		if quote, err := in.ReadByte(); err != nil || quote != '"' {
			return "", errors.Errorf("put: the body does not end: %q, %v", quote, err)
		}
	}
	entry := fmt.Sprintf("v1 %x %x %20d %20d\n", r.ActionID, r.OutputID, r.BodySize, time.Now().UnixNano())
	return path, errors.Trace(writeWhole(cacheFile(c.own, r.ActionID, "a"), strings.NewReader(entry), int64(len(entry))))
}

func skipBlank(in *bufio.Reader) (byte, error) {
	for {
		b, err := in.ReadByte()
		if err != nil || b != '\n' {
			return b, err
		}
	}
}

// writeWhole makes a file of size bytes. Others, which may write the same one, see all of
// it or nothing.
func writeWhole(path string, from io.Reader, size int64) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "new-")
	if err != nil {
		return err
	}
	n, err := io.Copy(file, from)
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	if err = stderrors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}

// cacheFile is where a build cache keeps the entry ("a") or the data ("d") of an ID.
func cacheFile(dir string, id []byte, kind string) string {
	name := hex.EncodeToString(id)
	return filepath.Join(dir, name[:2], name+"-"+kind)
}

// cached looks up an action in the build cache in dir. What it does not understand is
// not there.
func cached(dir string, action []byte) (cacheResponse, bool) {
	if len(action) != hashSize {
		return cacheResponse{}, false
	}
	data, err := os.ReadFile(cacheFile(dir, action, "a"))
	if err != nil {
		return cacheResponse{}, false
	}
	fields := strings.Fields(string(data))
	if len(fields) != 5 || fields[0] != "v1" || fields[1] != hex.EncodeToString(action) {
		return cacheResponse{}, false
	}
	output, err := hex.DecodeString(fields[2])
	if err != nil || len(output) != hashSize {
		return cacheResponse{}, false
	}
	size, err := strconv.ParseInt(fields[3], 10, 64)
	if err != nil {
		return cacheResponse{}, false
	}
	nanoseconds, err := strconv.ParseInt(fields[4], 10, 64)
	if err != nil {
		return cacheResponse{}, false
	}
	path := cacheFile(dir, output, "d")
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != size {
		return cacheResponse{}, false
	}
	when := time.Unix(0, nanoseconds)
	return cacheResponse{OutputID: output, Size: size, Time: &when, DiskPath: path}, true
}

// sizeOf is how many bytes the files below directories have. Files may come and go.
func sizeOf(dirs ...string) (int64, error) {
	var sum int64
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				var info fs.FileInfo
				if info, err = entry.Info(); err == nil {
					sum += info.Size()
				}
			}
			if stderrors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return sum, nil
}
