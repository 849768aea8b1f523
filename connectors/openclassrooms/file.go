package openclassrooms

import (
	"io"
	"strings"

	"acquis/connectors"
	"acquis/hub/sheet"
)

// largestFile bounds an export.
const largestFile = 64 << 20

// tables reads the exports that were handed in, for the ports whose driver is csv. A file belongs to the port that
// it was handed in for, or that its name begins with.
func (c *connector) tables(files []connectors.File) (map[string][]item, error) {
	tables := map[string][]item{}
	for _, file := range files {
		name := c.portOf(file)
		if name == "" {
			return nil, connectors.Faultf(connectors.NeedsPerson, "A file was handed in that this connection has no use for. Name it members, activity, paths or catalogue, and give that part the driver csv.", "%.80q is for no port with the driver csv", file.Name)
		}
		rows, err := readTable(file)
		if err != nil {
			return nil, err
		}
		tables[name] = append(tables[name], rows...)
	}
	return tables, nil
}

func (c *connector) portOf(file connectors.File) string {
	for name, port := range c.settings.ports() {
		if port.Driver == driverCSV && (file.As == name || file.As == "" && strings.HasPrefix(strings.ToLower(file.Name), name)) {
			return name
		}
	}
	return ""
}

// anyColumn takes whatever columns an export has: which are read is a setting.
var anyColumn = []sheet.Column{{Family: true}}

func readTable(file connectors.File) ([]item, error) {
	content, err := contentOf(file)
	if err != nil {
		return nil, err
	}
	table, err := sheet.Read(content, anyColumn)
	if err != nil {
		return nil, connectors.Faultf(connectors.NeedsPerson, "An export that was handed in has faults, and nothing of it was taken. The detail lists each with its line.", "%.80q: %v", file.Name, err)
	}
	rows := make([]item, len(table.Rows))
	for i, row := range table.Rows {
		cells := make(map[string]any, len(table.Header))
		for _, column := range table.Header {
			cells[column] = nil
			if cell := row.Get(column); cell != "" {
				cells[column] = cell
			}
		}
		rows[i] = item{value: cells, flat: true}
	}
	return rows, nil
}

func contentOf(file connectors.File) (content []byte, err error) {
	if file.Size > largestFile {
		return nil, connectors.Faultf(connectors.NeedsPerson, "An export that was handed in is too large. Hand it in by parts.", "%.80q has %d bytes, at most %d are taken", file.Name, file.Size, largestFile)
	}
	reader, err := file.Open()
	if err != nil {
		return nil, err
	}
	content, err = io.ReadAll(io.LimitReader(reader, largestFile))
	if closing := reader.Close(); err == nil {
		err = closing
	}
	return content, err
}
