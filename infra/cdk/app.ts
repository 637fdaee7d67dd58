import { App } from 'aws-cdk-lib';
import { Reconnect } from './reconnect';

const app = new App();

new Reconnect(app, app.node.tryGetContext('stack') ?? 'reconnect', {
  code: app.node.tryGetContext('code') ?? '../../target/lambda',
});
