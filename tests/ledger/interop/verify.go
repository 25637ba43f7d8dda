// Opens a checkpoint with golang.org/x/mod/sumdb/note and checks proofs over C2SP tiles with
// golang.org/x/mod/sumdb/tlog. Shares no code with the house.
//
//	go run verify.go FOLDER VKEY OLD-SIZE OLD-ROOT INDEX
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type folder string

func (f folder) Height() int { return 8 }

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		// Go writes tile/8/LEVEL/..., C2SP leaves the height out.
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(string(f), path))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func entry(f folder, index, size int64) []byte {
	number := index / 256
	path := filepath.Join(string(f), "tile", "entries", fmt.Sprintf("%03d", number))
	if width := size - number*256; width < 256 {
		path = filepath.Join(path+".p", strconv.FormatInt(width, 10))
	}
	data, err := os.ReadFile(path)
	must(err)
	for at := number * 256; ; at++ {
		length := int(binary.BigEndian.Uint16(data))
		if at == index {
			return data[2 : 2+length]
		}
		data = data[2+length:]
	}
}

func must(err error) {
	if err != nil {
		fmt.Println("NOT OK:", err)
		os.Exit(1)
	}
}

func main() {
	f := folder(os.Args[1])
	verifier, err := note.NewVerifier(os.Args[2])
	must(err)
	raw, err := os.ReadFile(filepath.Join(os.Args[1], "checkpoint"))
	must(err)
	opened, err := note.Open(raw, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := tlog.ParseHash(lines[2])
	must(err)
	tree := tlog.Tree{N: size, Hash: root}
	reader := tlog.TileHashReader(tree, f)

	index, err := strconv.ParseInt(os.Args[5], 10, 64)
	must(err)
	record, err := tlog.ProveRecord(size, index, reader)
	must(err)
	must(tlog.CheckRecord(record, size, root, index, tlog.RecordHash(entry(f, index, size))))

	old, err := strconv.ParseInt(os.Args[3], 10, 64)
	must(err)
	oldRoot, err := base64.StdEncoding.DecodeString(os.Args[4])
	must(err)
	var before tlog.Hash
	copy(before[:], oldRoot)
	grown, err := tlog.ProveTree(size, old, reader)
	must(err)
	must(tlog.CheckTree(grown, size, root, old, before))
	fmt.Printf("OK: %s size %d; %d verified, %d unverified signatures; entry %d by %d hashes; size %d by %d hashes\n",
		lines[0], size, len(opened.Sigs), len(opened.UnverifiedSigs), index, len(record), old, len(grown))
}
