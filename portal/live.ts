/** The script of a stream's page: shows the stream as it runs, by the client that partners get, and copies code. */
import { addCopyButtons } from './copy.ts'
import { LiveView } from './liveView.ts'
import { page } from './page.ts'

addCopyButtons(page.document)
const section = page.document.querySelector('section.live')
if (section) new LiveView(section).ready()
