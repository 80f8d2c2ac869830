/** The supervisor's board. */

import './board.css';
import './queue.css';
import './wall.css';
import './views.css';
import { AlertsView } from './alerts.js';
import { App } from './app.js';
import { CallPage } from './call-page.js';
import { LogView } from './log.js';
import { QueueView } from './queue.js';
import { hues } from './theme.js';
import { TrendsView } from './trends.js';
import { WallView } from './wall.js';

document.adoptedStyleSheets = [...document.adoptedStyleSheets, hues()];
const views = { wall: WallView, queue: QueueView, trends: TrendsView, log: LogView, calls: CallPage, alerts: AlertsView };
new App(document.body, views).start();
