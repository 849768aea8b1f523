package pix

import "acquis/connectors"

func (c *connector) readFiles(files []connectors.File, yield func(connectors.Page) error) error {
	return nil
}
